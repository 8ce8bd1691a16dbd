#include "byte_alphabet.hpp"
#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/json.hpp"
#include "vocabulary_files.hpp"

namespace tradeoff::text {
namespace {

Json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

Json pre_tokenizer_json(PreTokenizer kind) {
  const auto sequence = [](Json first, Json second) {
    return Json{{"type", "Sequence"}, {"pretokenizers", {std::move(first), std::move(second)}}};
  };
  switch (kind) {
    case PreTokenizer::gpt2:
      return byte_level(true);
    case PreTokenizer::digits_gpt2:
      return sequence({{"type", "Digits"}, {"individual_digits", true}}, byte_level(true));
    case PreTokenizer::llama3:
      return sequence({{"type", "Split"},
                       {"pattern", {{"Regex", kLlama3Pattern}}},
                       {"behavior", "Isolated"},
                       {"invert", false}},
                      byte_level(false));
  }
  return nullptr;
}

Json added_json(const AddedToken& token) {
  return {{"content", token.text}, {"single_word", false}, {"lstrip", false},
          {"rstrip", false},       {"normalized", false},  {"special", token.special}};
}

// As text, since base's order-keeping objects are slow at a hundred thousand keys.
std::string model_text(const Vocabulary& vocabulary) {
  std::vector<bool> added(vocabulary.tokens.size());
  for (const AddedToken& token : vocabulary.added) added[static_cast<std::size_t>(token.id)] = true;
  std::vector<std::string> spellings;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id)
    spellings.push_back(added[id] ? vocabulary.tokens[id] : spell_bytes(vocabulary.tokens[id]));

  const Json unknown = vocabulary.missing_byte
                           ? Json(spellings[static_cast<std::size_t>(*vocabulary.missing_byte)])
                           : Json();
  Json head = {{"type", "BPE"},
               {"dropout", nullptr},
               {"unk_token", unknown},
               {"continuing_subword_prefix", nullptr},
               {"end_of_word_suffix", nullptr},
               {"fuse_unk", vocabulary.fuse_missing},
               {"byte_fallback", false},
               {"ignore_merges", vocabulary.ignore_merges}};
  std::string text = to_line(head);
  text.pop_back();
  text += ",\n\"vocab\":{";
  const char* separator = "\n";
  // As in Meta's own file, the added tokens that follow the last ordinary one stand under
  // added_tokens alone.
  std::size_t listed = spellings.size();
  while (listed > 0 && added[listed - 1]) --listed;
  for (std::size_t id = 0; id < listed; ++id) {
    text += separator + to_line(Json(spellings[id])) + ":" + std::to_string(id);
    separator = ",\n";
  }
  text += "},\n\"merges\":[";
  separator = "\n";
  for (const Merge& merge : listed_merges(vocabulary)) {
    const std::string& left = spellings[static_cast<std::size_t>(merge.left)];
    const std::string& right = spellings[static_cast<std::size_t>(merge.right)];
    text += separator + to_line(Json(left + " " + right));
    separator = ",\n";
  }
  return text + "]}";
}

std::string tokenizer_text(const Vocabulary& vocabulary) {
  Json added = Json::array();
  for (const AddedToken& token : vocabulary.added) {
    Json entry = {{"id", token.id}};
    entry.update(added_json(token));
    added.push_back(std::move(entry));
  }
  const Json head = {{"version", "1.0"},
                     {"truncation", nullptr},
                     {"padding", nullptr},
                     {"added_tokens", std::move(added)},
                     {"normalizer", nullptr},
                     {"pre_tokenizer", pre_tokenizer_json(vocabulary.pre_tokenizer)},
                     {"post_processor", byte_level(false)},
                     {"decoder", byte_level(true)}};
  std::string text = to_line(head);
  text.pop_back();
  return text + ",\n\"model\":" + model_text(vocabulary) + "}\n";
}

Json config_json(const Vocabulary& vocabulary) {
  Json decoder = Json::object();
  for (const AddedToken& token : vocabulary.added)
    decoder[std::to_string(token.id)] = added_json(token);
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                 {"clean_up_tokenization_spaces", false},
                 {"added_tokens_decoder", std::move(decoder)}};
  const auto name = [&](const char* key, std::optional<TokenId> id) {
    if (id) config[key] = vocabulary.tokens[static_cast<std::size_t>(*id)];
  };
  name("bos_token", vocabulary.bos);
  if (!vocabulary.eos.empty()) name("eos_token", vocabulary.eos.front());
  name("pad_token", vocabulary.pad);
  name("unk_token", vocabulary.unk);
  if (!vocabulary.chat_template.empty()) config["chat_template"] = vocabulary.chat_template;
  return config;
}

}  // namespace

void write_hf_tokenizer(const Vocabulary& vocabulary, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  write_atomically(folder / "tokenizer.json", tokenizer_text(vocabulary));
  write_atomically(folder / "tokenizer_config.json", config_json(vocabulary).dump(2) + "\n");
}

}  // namespace tradeoff::text
