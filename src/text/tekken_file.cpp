#include <algorithm>
#include <array>
#include <unordered_set>

#include "base64.hpp"
#include "hf_config.hpp"
#include "patterns.hpp"
#include "tradeoff/base/error.hpp"
#include "vocabulary_files.hpp"

namespace tradeoff::text {
namespace {

// What a file of version v1 to v7 without "special_tokens" has (mistral-common 1.13.1).
constexpr std::array<std::string_view, 20> kEarlySpecials = {"<unk>",
                                                             "<s>",
                                                             "</s>",
                                                             "[INST]",
                                                             "[/INST]",
                                                             "[AVAILABLE_TOOLS]",
                                                             "[/AVAILABLE_TOOLS]",
                                                             "[TOOL_RESULTS]",
                                                             "[/TOOL_RESULTS]",
                                                             "[TOOL_CALLS]",
                                                             "[IMG]",
                                                             "<pad>",
                                                             "[IMG_BREAK]",
                                                             "[IMG_END]",
                                                             "[PREFIX]",
                                                             "[MIDDLE]",
                                                             "[SUFFIX]",
                                                             "[SYSTEM_PROMPT]",
                                                             "[/SYSTEM_PROMPT]",
                                                             "[TOOL_CONTENT]"};
constexpr std::array<std::string_view, 4> kEarlyVersions = {"v1", "v2", "v3", "v7"};
constexpr std::array<std::string_view, 3> kLateVersions = {"v11", "v13", "v15"};
// Other keys than these may change ids. The last four tell what a picture, a sound or a setting of
// the model becomes, none of which a text has.
constexpr std::array<std::string_view, 9> kKeys = {
    "config", "vocab",      "special_tokens",        "version", "type", "image",
    "audio",  "multimodal", "model_settings_builder"};
constexpr std::uint64_t kMostTokens = 1u << 24;
// Those that a file only counts are made up: Mistral's have 1,000.
constexpr std::uint64_t kMostSpecials = 1u << 16;

// The reader of one file: every error names it. Ids are the special tokens, then the ranks.
class TekkenFile {
 public:
  TekkenFile(const std::filesystem::path& path, const JsonObject& root) : path_(path), root_(root) {
    for (const auto& [key, value] : root.items())
      if (std::ranges::find(kKeys, std::string_view(key)) == kKeys.end())
        bad("found the key \"" + key +
            "\", expected config, vocab, special_tokens, version, type, image, audio, multimodal "
            "or "
            "model_settings_builder");
  }

  Vocabulary read() {
    const std::uint64_t size = count_at("default_vocab_size");
    const std::uint64_t specials = count_at("default_num_special_tokens");
    if (specials >= size)
      bad("config.default_num_special_tokens: found " + std::to_string(specials) +
          ", expected fewer than the " + std::to_string(size) + " of default_vocab_size");
    Vocabulary vocabulary;
    vocabulary.pre_tokenizer = pattern();
    read_specials(specials, vocabulary);
    read_ranks(size - specials, vocabulary);
    vocabulary.ignore_merges = true;  // as tiktoken: a piece that is a token is that token
    vocabulary.adds_bos = true;
    name_specials(vocabulary);
    return vocabulary;
  }

 private:
  [[noreturn]] void bad(const std::string& what) const { fail(path_.string() + ": " + what); }

  std::uint64_t count_at(const char* key) const {
    const JsonObject& value = json_at(json_at(root_, "config"), key);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMostTokens)
      bad("config." + std::string(key) + ": found " + shown_json(value) +
          ", expected a number up to 16777216");
    return value.get<std::uint64_t>();
  }

  PreTokenizer pattern() const {
    const JsonObject& regex = json_at(json_at(root_, "config"), "pattern");
    for (const Pattern& known : kPatterns)
      if (regex == known.regex) return known.kind;
    bad("config.pattern: found " + shown_json(regex) +
        ", expected the regex of Tekken, Llama-3, Qwen 2, GPT-2 or o200k");
  }

  // Whether the version's files may leave their special tokens out.
  bool is_early() const {
    const JsonObject& version = json_at(json_at(root_, "config"), "version");
    const auto is = [&](std::string_view known) { return version == known; };
    if (std::ranges::any_of(kEarlyVersions, is)) return true;
    if (!std::ranges::any_of(kLateVersions, is))
      bad("config.version: found " + shown_json(version) +
          ", expected v1, v2, v3, v7, v11, v13 or v15");
    return false;
  }

  std::vector<std::string> special_texts() const {
    const bool early = is_early();
    const JsonObject& list = json_at(root_, "special_tokens");
    if (list.is_null() && early) return {kEarlySpecials.begin(), kEarlySpecials.end()};
    if (!list.is_array())
      bad("special_tokens: found " + shown_json(list) + ", expected a list of tokens");
    std::vector<std::string> texts;
    for (const JsonObject& entry : list) {
      const JsonObject& text = json_at(entry, "token_str");
      if (json_at(entry, "rank") != texts.size() || !text.is_string() || text == "")
        bad("special_tokens[" + std::to_string(texts.size()) + "]: found " + shown_json(entry) +
            ", expected a token_str and the rank " + std::to_string(texts.size()));
      texts.push_back(text);
    }
    return texts;
  }

  void read_specials(std::uint64_t count, Vocabulary& vocabulary) const {
    if (count > kMostSpecials)
      bad("config.default_num_special_tokens: found " + std::to_string(count) +
          ", expected at most " + std::to_string(kMostSpecials));
    std::vector<std::string> texts = special_texts();
    if (texts.size() > count)
      bad("special_tokens: found " + std::to_string(texts.size()) + ", expected at most the " +
          std::to_string(count) + " of config.default_num_special_tokens");
    while (texts.size() < count) texts.push_back("<SPECIAL_" + std::to_string(texts.size()) + ">");
    std::vector<std::string> sorted = texts;
    std::ranges::sort(sorted);
    if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end())
      bad("special_tokens: found " + shown_json(*twice) + " twice");
    for (std::string& text : texts) {
      vocabulary.added.push_back({static_cast<TokenId>(vocabulary.tokens.size()), text, true});
      vocabulary.tokens.push_back(std::move(text));
    }
  }

  // The first `count` tokens: the file may list more than its models have.
  void read_ranks(std::uint64_t count, Vocabulary& vocabulary) const {
    const JsonObject& list = json_at(root_, "vocab");
    if (!list.is_array() || list.size() < count)
      bad("vocab: found " + std::to_string(list.size()) + " tokens, expected at least the " +
          std::to_string(count) + " that config counts");
    std::unordered_set<std::string> seen;
    std::string bytes;
    for (std::uint64_t rank = 0; rank < count; ++rank) {
      const JsonObject& entry = list[rank];
      const JsonObject& text = json_at(entry, "token_bytes");
      const auto wrong = [&](const std::string& expected) {
        bad("vocab[" + std::to_string(rank) + "]: found " + shown_json(entry) + ", expected " +
            expected);
      };
      if (json_at(entry, "rank") != rank) wrong("the rank " + std::to_string(rank));
      if (!text.is_string() || !decode_base64(text.get_ref<const std::string&>(), bytes))
        wrong("token_bytes in base64");
      if (rank < 256 && bytes != std::string(1, static_cast<char>(rank)))
        wrong("the single byte " + std::to_string(rank));
      if (!seen.insert(bytes).second) wrong("bytes that no earlier token has");
      vocabulary.tokens.push_back(bytes);
    }
  }

  void name_specials(Vocabulary& vocabulary) const {
    for (const AddedToken& token : vocabulary.added) {
      if (token.text == "<s>") vocabulary.bos = token.id;
      if (token.text == "</s>") vocabulary.eos = {token.id};
      if (token.text == "<unk>") vocabulary.unk = token.id;
      if (token.text == "<pad>") vocabulary.pad = token.id;
    }
    if (!vocabulary.bos || vocabulary.eos.empty())
      bad("special_tokens: expected <s> and </s> among them");
  }

  const std::filesystem::path& path_;
  const JsonObject& root_;
};

}  // namespace

bool is_tekken(const JsonObject& root) {
  return root.contains("config") && !root.contains("model");
}

Vocabulary read_tekken(const std::filesystem::path& path, const JsonObject& root) {
  TekkenFile file(path, root);
  Vocabulary vocabulary = file.read();
  vocabulary.chat_template = read_chat_template(path.parent_path());
  return vocabulary;
}

}  // namespace tradeoff::text
