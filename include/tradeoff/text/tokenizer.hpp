#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/text/vocabulary.hpp"

namespace tradeoff::text {

/// Whether text that spells a special token is that token (prompts) or plain text (data).
enum class Specials { as_text, parse };
/// Whether decode writes special tokens or leaves them out.
enum class SpecialsShown { keep, skip };

/// Byte-level BPE. Exactly the tokens of the text: encode never adds a BOS or anything else.
/// Const members may be called from several threads at once.
class Tokenizer {
 public:
  /// Throws Error when the vocabulary contradicts itself (ids out of range).
  explicit Tokenizer(Vocabulary vocabulary);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  /// Ids of `text`, any bytes. Equal to tiktoken (Llama-3 ranks) and HF tokenizers on UTF-8. A byte
  /// that is not part of valid UTF-8 counts as a symbol, neither letter, digit nor space, and is
  /// kept. A byte that the vocabulary lacks (SmolLM2: 0x04, 0xF1 and 19 more) has no token and is
  /// dropped, as HF does; with all 256 bytes (Llama-3), decode gives back the text, byte for byte.
  std::vector<TokenId> encode(std::string_view text, Specials specials) const;

  /// Bytes of a text that a template wrote.
  struct Markup {
    std::size_t begin, end;
  };
  /// The same, with special tokens parsed only where they lie in one of `markup` (ascending, not
  /// touching) whole.
  std::vector<TokenId> encode(std::string_view text, std::span<const Markup> markup) const;

  /// The bytes of `ids`, joined; they need not be valid UTF-8 where a character was cut.
  /// Throws Error on an id outside the vocabulary.
  std::string decode(std::span<const TokenId> ids, SpecialsShown shown = SpecialsShown::keep) const;
  std::string_view token_bytes(TokenId id) const;

  struct Found {
    std::size_t at, length;  // bytes
    TokenId id;
  };
  /// The first special token that `text` spells at or after byte `from`; the longest, where several
  /// begin there.
  std::optional<Found> find_special(std::string_view text, std::size_t from = 0) const;
  /// Id of the special token with this text ("<|eot_id|>").
  std::optional<TokenId> special_id(std::string_view text) const;
  bool is_special(TokenId id) const;

  /// Ids are 0 to vocab_size() - 1.
  std::size_t vocab_size() const;
  std::optional<TokenId> bos() const { return vocabulary().bos; }
  const std::vector<TokenId>& eos() const { return vocabulary().eos; }
  const Vocabulary& vocabulary() const;
  /// SHA-256 over everything that decides ids (tokens, merges, added tokens, pre-tokenizer), as
  /// hex.
  std::string content_hash() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Tokenizer(read_vocabulary(path)).
Tokenizer load_tokenizer(const std::filesystem::path& path);

}  // namespace tradeoff::text
