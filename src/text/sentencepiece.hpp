#pragma once
#include <cstdint>
#include <string>

#include "tradeoff/text/vocabulary.hpp"

namespace tradeoff::text {

/// One entry of a SentencePiece model; GGUF has the same types.
struct Piece {
  std::string text;
  float score = 0;
  std::int64_t type = 1;
};
enum PieceType : std::int64_t {
  kNormalPiece = 1,
  kUnknownPiece,
  kControlPiece,
  kUserPiece,
  kUnusedPiece,
  kBytePiece
};

/// What SentencePiece's normalizer_spec says.
struct PieceRules {
  bool dummy_prefix = true;     // add_dummy_prefix
  bool removes_spaces = false;  // remove_extra_whitespaces
};

/// The bytes that a piece stands for: a space for kSpaceMark, the byte for <0x0A>.
std::string unspell_piece(const std::string& spelling, bool byte_fallback);

/// Appends a piece: the next id.
void add_piece(const Piece& piece, Vocabulary& vocabulary);
/// After the last piece. Each run between special tokens gets the prefix, as in llama.cpp and in
/// transformers' Llama tokenizer.
void set_piece_rules(const PieceRules& rules, Vocabulary& vocabulary);

/// Reads a `tokenizer.model` of SentencePiece (BPE, identity normalization).
Vocabulary read_sentencepiece(const std::filesystem::path& path);

}  // namespace tradeoff::text
