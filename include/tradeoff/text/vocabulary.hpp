#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace tradeoff::text {

/// A token's number: its row of the embedding.
using TokenId = std::int32_t;

/// How text is cut into pieces before byte-pair merging; merges never cross a cut.
enum class PreTokenizer {
  llama3,       // the regex of Llama-3's tiktoken encoding (contractions, words, 1-3 digits, ...)
  gpt2,         // the regex of GPT-2 (HF's ByteLevel)
  digits_gpt2,  // every digit by itself, then gpt2 on what lies between: llama.cpp's "smollm"
};

/// A token recognised in text as it stands, before any cutting.
/// `special` ones (control tokens) only where specials are parsed, the others always, as in HF.
struct AddedToken {
  TokenId id;
  std::string text;
  bool special;
};

struct Merge {
  TokenId left, right, merged;
};

/// What a tokenizer file says, whatever its format. Ids are dense: token i is tokens[i].
struct Vocabulary {
  std::vector<std::string> tokens;  // the bytes each id stands for
  std::vector<AddedToken> added;    // by ascending id
  // Pairs that merge, first in the list first. None: tiktoken ranks, where every pair whose joined
  // bytes are a token merges, the lowest id first.
  std::optional<std::vector<Merge>> merges;
  // A piece that is a token is taken whole, without merging (HF: ignore_merges).
  bool ignore_merges = false;
  PreTokenizer pre_tokenizer = PreTokenizer::gpt2;
  // What a byte without a token becomes; none: it is dropped, as HF does without unk_token.
  std::optional<TokenId> missing_byte;
  bool fuse_missing = false;  // neighbours in one piece become one (HF: fuse_unk)
  std::optional<TokenId> bos, pad, unk;
  std::vector<TokenId> eos;   // the one named by the file first
  bool adds_bos = false;      // what the file's post-processor puts in front of plain text
  std::string chat_template;  // Jinja; empty where the file has none
};

/// Reads, by content rather than by name: tiktoken ranks (Meta's Llama-3 `tokenizer.model`), a HF
/// `tokenizer.json` (byte-level BPE; a `tokenizer_config.json` beside it names bos, eos, pad and
/// the chat template), a GGUF's vocabulary (`gpt2` model; pre-tokenizers llama-bpe, gpt-2, smollm),
/// or a model folder (tokenizer.json in it, else tokenizer.model).
/// Throws Error naming file, place, found and expected; what is not understood is an error, never
/// ignored.
Vocabulary read_vocabulary(const std::filesystem::path& path);

/// The list of merges, also for tiktoken ranks, in the order of HF's conversion: by merged id, left
/// id, right id.
std::vector<Merge> listed_merges(const Vocabulary& vocabulary);

/// Writes `tokenizer.json` and `tokenizer_config.json` into `folder`, which AutoTokenizer loads and
/// which encodes like Tokenizer; none of them adds a BOS. Each file appears whole or not at all.
void write_hf_tokenizer(const Vocabulary& vocabulary, const std::filesystem::path& folder);

}  // namespace tradeoff::text
