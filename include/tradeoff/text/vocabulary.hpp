#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tradeoff::text {

/// A token's number: its row of the embedding.
using TokenId = std::int32_t;

/// How text is cut into pieces before byte-pair merging; merges never cross a cut. The regexes
/// stand in patterns.hpp.
enum class PreTokenizer {
  llama3,       // contractions, words, 1-3 digits, ...: Llama-3, cl100k (OLMo 2, Phi-4)
  qwen2,        // the same with single digits
  gpt2,         // the regex of GPT-2 (HF's ByteLevel)
  digits_gpt2,  // every digit by itself, then gpt2 on what lies between: llama.cpp's "smollm"
  tekken,       // Mistral's: words are cut where lower case turns into upper case
  o200k,        // GPT-4o's: as tekken, with contractions and 1-3 digits (Phi-4-mini)
  spaces,       // before every space mark (HF's Metaspace with split)
  whole,        // not at all (SentencePiece)
};

/// One change of the text that lies between added tokens.
struct TextStep {
  enum class Kind {
    nfc,
    nfd,
    nfkc,
    nfkd,
    lowercase,
    strip_left,  // white space
    strip_right,
    prepend,          // `to`, before a text that is not empty
    prepend_missing,  // `to`, unless the text begins with it
    prepend_first,    // the same, only where the whole input begins
    replace,          // every `from` by `to`
    trim_spaces,      // U+0020 alone, at both ends
    squeeze_spaces,   // two and more U+0020 become one
  };
  Kind kind;
  std::string from, to;
};

/// A token recognised in text as it stands, before any cutting.
/// `special` ones (control tokens) only where specials are parsed, the others always, as in HF.
struct AddedToken {
  TokenId id;
  std::string text;
  bool special;
  bool lstrip = false, rstrip = false;  // takes the white space before, behind it
  bool single_word = false;             // only where no word character touches it
  bool normalized = false;              // looked for after the normalizer, not before
};

struct Merge {
  TokenId left, right, merged;
};

/// U+2581, which stands for a space in SentencePiece's pieces.
inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

/// What a tokenizer file says, whatever its format. Ids are dense: token i is tokens[i].
struct Vocabulary {
  std::vector<std::string> tokens;  // the bytes each id stands for
  // How SentencePiece spells each id: kSpaceMark for a space, <0x0A> for a byte. Empty: byte-level
  // BPE, where tokens are merged from bytes; otherwise they are merged from characters.
  std::vector<std::string> spellings;
  std::vector<AddedToken> added;  // by ascending id
  // Pairs that merge, first in the list first. None: every pair whose joined text is a token
  // merges; the highest score first where there are scores, else the lowest id (tiktoken ranks).
  std::optional<std::vector<Merge>> merges;
  std::vector<float> scores;  // SentencePiece's; empty, or one an id
  // A piece that is a token is taken whole, without merging (HF: ignore_merges).
  bool ignore_merges = false;
  std::vector<TextStep> normalizer;  // before added tokens of the normalized kind are looked for
  std::vector<TextStep> before_cut;  // after that, on each run between them (HF's Metaspace)
  PreTokenizer pre_tokenizer = PreTokenizer::gpt2;
  // A character without a token becomes the tokens of its bytes, <0x00> to <0xFF>.
  bool byte_fallback = false;
  // What a byte (SentencePiece: a character) without a token becomes; none: it is dropped, as HF
  // does without unk_token.
  std::optional<TokenId> missing_byte;
  bool fuse_missing = false;        // neighbours in one piece become one (HF: fuse_unk)
  bool decode_drops_space = false;  // one space at the start of decoded text (HF: Strip)
  // Whether the model's own tokenizer puts bos before every text. encode never does; none: unsaid.
  std::optional<bool> adds_bos;
  std::optional<TokenId> bos, pad, unk;
  std::vector<TokenId> eos;   // the one named by the file first
  std::string chat_template;  // Jinja; empty where the file has none
};

/// Reads, by content rather than by name: tiktoken ranks (Meta's Llama-3 `tokenizer.model`), a HF
/// `tokenizer.json` (byte-level BPE; a `tokenizer_config.json` beside it names bos, eos, pad and
/// the chat template), Mistral's `tekken.json`, a SentencePiece model, a GGUF's vocabulary (models
/// `gpt2` and `llama`), or a model folder (tokenizer.json in it, else tekken.json, else
/// tokenizer.model).
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
