#include "hf_config.hpp"

#include <fmt/format.h>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_size.hpp"
#include "tradeoff/base/json_file.hpp"
#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff::text {
namespace {

namespace fs = std::filesystem;

// A special token is written as its text or as {"content": text, ...}.
std::optional<std::string> token_text(const Json& config, const std::string& key) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return std::nullopt;
  if (found->is_object()) return field<std::string>(*found, "content");
  return field<std::string>(config, key);
}

TokenId id_of(const Vocabulary& vocabulary, const std::string& text, const std::string& what) {
  for (const AddedToken& token : vocabulary.added)
    if (token.text == text) return token.id;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id)
    if (vocabulary.tokens[id] == text) return static_cast<TokenId>(id);
  fail(what + ": found \"" + text + "\", which tokenizer.json does not have");
}

std::string template_of(const fs::path& folder, const Json& config) {
  // transformers writes a file of its own since 4.52, which then wins.
  if (const fs::path file = folder / "chat_template.jinja"; fs::exists(file))
    return read_template_file(file);
  if (const fs::path file = folder / "chat_template.json"; fs::exists(file))
    return field_of_file<std::string>(file, "chat_template");
  const auto found = config.find("chat_template");
  if (found == config.end() || found->is_null()) return {};
  if (found->is_array())
    for (const Json& entry : *found)
      if (field<std::string>(entry, "name") == "default")
        return field<std::string>(entry, "template");
  return field<std::string>(config, "chat_template");
}

Json config_of(const fs::path& folder) {
  const fs::path file = folder / "tokenizer_config.json";
  if (!fs::exists(file)) return Json::object();
  Json config = read_json(file);
  if (!config.is_object()) fail(file.string() + ": expected an object");
  return config;
}

}  // namespace

void read_hf_config(const fs::path& folder, Vocabulary& vocabulary) {
  const Json config = config_of(folder);
  const std::string file = (folder / "tokenizer_config.json").string();
  try {
    const auto id_at = [&](const std::string& key) -> std::optional<TokenId> {
      const auto text = token_text(config, key);
      if (!text) return std::nullopt;
      return id_of(vocabulary, *text, "key \"" + key + "\"");
    };
    vocabulary.bos = id_at("bos_token");
    vocabulary.pad = id_at("pad_token");
    vocabulary.unk = id_at("unk_token");
    if (const auto eos = id_at("eos_token")) vocabulary.eos = {*eos};
    // transformers would add tokens that only this file knows.
    if (const auto added = config.find("added_tokens_decoder"); added != config.end())
      for (const auto& [id, token] : added->items())
        if (std::to_string(id_of(vocabulary, field<std::string>(token, "content"),
                                 "added_tokens_decoder[" + id + "]")) != id)
          fail("added_tokens_decoder[" + id + "]: tokenizer.json has another id for it");
    vocabulary.chat_template = template_of(folder, config);
  } catch (const Error& error) {
    fail(file + ": " + error.what());
  }
}

std::string read_template_file(const fs::path& file) {
  const MappedFile mapped(file);
  check_size(mapped, 16);
  return std::string(mapped.text());
}

std::string read_chat_template(const fs::path& folder) {
  try {
    return template_of(folder, config_of(folder));
  } catch (const Error& error) {
    fail(folder.string() + ": chat template: " + error.what());
  }
}

namespace {

// Of a folder whose only tokenizer is a tekken.json or a SentencePiece model.
std::map<std::string, std::string> vocabulary_special_tokens(const fs::path& folder) {
  const Vocabulary vocabulary = read_vocabulary(folder);
  std::map<std::string, std::string> tokens;
  const auto put = [&](const char* key, std::optional<TokenId> id) {
    if (id) tokens[key] = vocabulary.tokens.at(static_cast<std::size_t>(*id));
  };
  put("bos_token", vocabulary.bos);
  if (!vocabulary.eos.empty()) put("eos_token", vocabulary.eos[0]);
  put("unk_token", vocabulary.unk);
  put("pad_token", vocabulary.pad);
  return tokens;
}

bool has_own_special_tokens(const fs::path& folder) {
  return !fs::exists(folder / "tokenizer_config.json") && !fs::exists(folder / "tokenizer.json") &&
         (fs::exists(folder / "tekken.json") || fs::exists(folder / "tokenizer.model"));
}

}  // namespace

std::map<std::string, std::string> read_special_tokens(const fs::path& folder) {
  if (has_own_special_tokens(folder)) return vocabulary_special_tokens(folder);
  const Json config = config_of(folder);
  std::map<std::string, std::string> tokens;
  for (const char* key :
       {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"})
    if (auto text = token_text(config, key)) tokens[key] = *text;
  return tokens;
}

}  // namespace tradeoff::text
