#include <algorithm>
#include <map>
#include <unordered_map>

#include "byte_alphabet.hpp"
#include "sentencepiece.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/gguf.hpp"
#include "vocabulary_files.hpp"

namespace tradeoff::text {
namespace {

// Token types of GGUF's specification.
constexpr std::int64_t kControl = 3, kUserDefined = 4;

using Names = std::map<std::string, PreTokenizer, std::less<>>;

// The names of llama.cpp (its llama-vocab.cpp) whose regexes are those of patterns.hpp.
const Names& pre_names() {
  static const Names known = {{"llama-bpe", PreTokenizer::llama3},
                              {"llama3", PreTokenizer::llama3},
                              {"llama-v3", PreTokenizer::llama3},
                              {"dbrx", PreTokenizer::llama3},
                              {"qwen2", PreTokenizer::qwen2},
                              {"deepseek-r1-qwen", PreTokenizer::qwen2},
                              {"gpt-2", PreTokenizer::gpt2},
                              {"olmo", PreTokenizer::gpt2},
                              {"smollm", PreTokenizer::digits_gpt2},
                              {"refact", PreTokenizer::digits_gpt2},
                              {"starcoder", PreTokenizer::digits_gpt2},
                              {"tekken", PreTokenizer::tekken},
                              {"gpt-4o", PreTokenizer::o200k}};
  return known;
}

// "default" says that the converter did not know. llama.cpp then cuts by a regex that is no
// model's own, so only architectures whose models all have one tokenizer are read.
const Names& default_of_architecture() {
  static const Names known = {{"gpt2", PreTokenizer::gpt2},
                              {"qwen2", PreTokenizer::qwen2},
                              {"qwen2moe", PreTokenizer::qwen2},
                              {"qwen3", PreTokenizer::qwen2},
                              {"qwen3moe", PreTokenizer::qwen2}};
  return known;
}

std::string listed(const Names& names) {
  std::string text;
  for (const auto& [name, kind] : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

PreTokenizer pre_tokenizer_of(const GgufFile& file) {
  const std::string name = file.string_value("tokenizer.ggml.pre");
  const std::string expected = "expected one of " + listed(pre_names()) + ", or default with the " +
                               "architecture " + listed(default_of_architecture());
  const auto bad = [&](const std::string& found) {
    fail(file.path().string() + ": key \"tokenizer.ggml.pre\": found " + found + ", " + expected);
  };
  if (const auto found = pre_names().find(name); found != pre_names().end()) return found->second;
  if (name != "default") bad("\"" + name + "\"");
  const std::string architecture =
      file.has("general.architecture") ? file.string_value("general.architecture") : "";
  const auto found = default_of_architecture().find(architecture);
  if (found == default_of_architecture().end())
    bad("\"default\" with the architecture \"" + architecture + "\"");
  return found->second;
}

std::vector<Merge> merges_of(const GgufFile& file, const std::vector<std::string>& spellings) {
  std::unordered_map<std::string_view, TokenId> ids;
  for (std::size_t id = 0; id < spellings.size(); ++id)
    ids.emplace(spellings[id], static_cast<TokenId>(id));
  std::vector<Merge> merges;
  for (const std::string& line : file.strings("tokenizer.ggml.merges")) {
    // The parts have no space: a space is U+0120 in the byte alphabet.
    const std::size_t space = line.find(' ');
    const auto id_of = [&](std::string_view part) {
      const auto found = ids.find(part);
      if (space == line.npos || found == ids.end())
        fail(file.path().string() + ": tokenizer.ggml.merges[" + std::to_string(merges.size()) +
             "]: found \"" + line + "\", expected two tokens whose joined text is a token");
      return found->second;
    };
    const std::string_view text = line;
    const std::string joined =
        line.substr(0, space) + line.substr(space == line.npos ? 0 : space + 1);
    merges.push_back({id_of(text.substr(0, space)), id_of(text.substr(space + 1)), id_of(joined)});
  }
  return merges;
}

void read_byte_level(const GgufFile& file, const std::vector<std::string>& spellings,
                     const std::vector<std::int64_t>& types, Vocabulary& vocabulary) {
  vocabulary.pre_tokenizer = pre_tokenizer_of(file);
  vocabulary.ignore_merges = vocabulary.pre_tokenizer == PreTokenizer::llama3 ||
                             vocabulary.pre_tokenizer == PreTokenizer::tekken;  // as llama.cpp
  // Not in the file: Qwen's own tokenizer.json has it.
  if (vocabulary.pre_tokenizer == PreTokenizer::qwen2)
    vocabulary.normalizer = {{TextStep::Kind::nfc, {}, {}}};
  vocabulary.merges = merges_of(file, spellings);
  for (std::size_t id = 0; id < spellings.size(); ++id) {
    const bool added = types[id] == kControl || types[id] == kUserDefined;
    if (added)
      vocabulary.added.push_back({static_cast<TokenId>(id), spellings[id], types[id] == kControl});
    vocabulary.tokens.push_back(added ? spellings[id]
                                      : unspell_bytes(spellings[id]).value_or(spellings[id]));
  }
}

void read_pieces(const GgufFile& file, const std::vector<std::string>& spellings,
                 const std::vector<std::int64_t>& types, Vocabulary& vocabulary) {
  const std::vector<float> scores = file.floats("tokenizer.ggml.scores");
  if (scores.size() != spellings.size())
    fail(file.path().string() + ": tokenizer.ggml.scores has " + std::to_string(scores.size()) +
         " entries, but tokenizer.ggml.tokens has " + std::to_string(spellings.size()));
  const std::string prefix = "tokenizer.ggml.add_space_prefix";
  PieceRules rules;
  rules.dummy_prefix = !file.has(prefix) || file.bool_value(prefix);
  const std::string squeezes = "tokenizer.ggml.remove_extra_whitespaces";
  rules.removes_spaces = file.has(squeezes) && file.bool_value(squeezes);
  for (std::size_t id = 0; id < spellings.size(); ++id)
    add_piece({spellings[id], scores[id], types[id]}, vocabulary);
  set_piece_rules(rules, vocabulary);
}

}  // namespace

Vocabulary read_gguf_vocabulary(const std::filesystem::path& path) {
  const GgufFile file(path);
  const std::string model = file.string_value("tokenizer.ggml.model");
  if (model != "gpt2" && model != "llama")
    fail(path.string() + ": key \"tokenizer.ggml.model\": found \"" + model +
         "\", expected gpt2 (byte-level BPE) or llama (SentencePiece BPE)");
  Vocabulary vocabulary;
  const std::vector<std::string> spellings = file.strings("tokenizer.ggml.tokens");
  const std::vector<std::int64_t> types = file.ints("tokenizer.ggml.token_type");
  if (types.size() != spellings.size())
    fail(path.string() + ": tokenizer.ggml.token_type has " + std::to_string(types.size()) +
         " entries, but tokenizer.ggml.tokens has " + std::to_string(spellings.size()));
  if (model == "gpt2")
    read_byte_level(file, spellings, types, vocabulary);
  else
    read_pieces(file, spellings, types, vocabulary);

  const auto id_at = [&](const std::string& name) -> std::optional<TokenId> {
    const std::string key = "tokenizer.ggml." + name;
    if (!file.has(key)) return std::nullopt;
    const std::uint64_t id = file.uint_value(key);
    if (id >= spellings.size())
      fail(path.string() + ": key \"" + key + "\": found " + std::to_string(id) +
           ", expected an id below " + std::to_string(spellings.size()));
    return static_cast<TokenId>(id);
  };
  vocabulary.bos = id_at("bos_token_id");
  if (file.has("tokenizer.ggml.add_bos_token"))
    vocabulary.adds_bos = file.bool_value("tokenizer.ggml.add_bos_token");
  vocabulary.pad = id_at("padding_token_id");
  vocabulary.unk = id_at("unknown_token_id");
  for (const char* name : {"eos_token_id", "eot_token_id", "eom_token_id"})
    if (const auto id = id_at(name);
        id && std::find(vocabulary.eos.begin(), vocabulary.eos.end(), *id) == vocabulary.eos.end())
      vocabulary.eos.push_back(*id);
  if (file.has("tokenizer.chat_template"))
    vocabulary.chat_template = file.string_value("tokenizer.chat_template");
  return vocabulary;
}

}  // namespace tradeoff::text
