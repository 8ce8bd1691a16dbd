#include "byte_alphabet.hpp"
#include "patterns.hpp"
#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
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

Json normalizer_json(const TextStep& step) {
  using Kind = TextStep::Kind;
  const auto replace = [](const char* kind, const std::string& from, const std::string& to) {
    return Json{{"type", "Replace"}, {"pattern", {{kind, from}}}, {"content", to}};
  };
  switch (step.kind) {
    case Kind::nfc:
      return {{"type", "NFC"}};
    case Kind::nfd:
      return {{"type", "NFD"}};
    case Kind::nfkc:
      return {{"type", "NFKC"}};
    case Kind::nfkd:
      return {{"type", "NFKD"}};
    case Kind::lowercase:
      return {{"type", "Lowercase"}};
    case Kind::strip_left:
    case Kind::strip_right:
      return {{"type", "Strip"},
              {"strip_left", step.kind == Kind::strip_left},
              {"strip_right", step.kind == Kind::strip_right}};
    case Kind::prepend:
      return {{"type", "Prepend"}, {"prepend", step.to}};
    case Kind::replace:
      return replace("String", step.from, step.to);
    case Kind::trim_spaces:
      return replace("Regex", "^ +| +$", "");
    case Kind::squeeze_spaces:
      return replace("Regex", " {2,}", " ");
    case Kind::prepend_missing:
    case Kind::prepend_first:
      break;  // a pre-tokenizer's alone
  }
  fail("a tokenizer.json has no normalizer for this step");
}

Json sequence(const char* name, Json parts) {
  return {{"type", "Sequence"}, {name, std::move(parts)}};
}

Json normalizers_json(const std::vector<TextStep>& steps) {
  if (steps.empty()) return nullptr;
  Json parts = Json::array();
  for (const TextStep& step : steps) parts.push_back(normalizer_json(step));
  return parts.size() == 1 ? parts[0] : sequence("normalizers", std::move(parts));
}

Json metaspace_json(const Vocabulary& vocabulary) {
  const TextStep& last = vocabulary.before_cut.back();
  const char* scheme = last.kind == TextStep::Kind::prepend_first     ? "first"
                       : last.kind == TextStep::Kind::prepend_missing ? "always"
                                                                      : "never";
  return {{"type", "Metaspace"},
          {"replacement", kSpaceMark},
          {"prepend_scheme", scheme},
          {"split", vocabulary.pre_tokenizer == PreTokenizer::spaces}};
}

Json pre_tokenizer_json(const Vocabulary& vocabulary) {
  const PreTokenizer kind = vocabulary.pre_tokenizer;
  const auto two = [](Json first, Json second) {
    return sequence("pretokenizers", {std::move(first), std::move(second)});
  };
  if (kind == PreTokenizer::whole || kind == PreTokenizer::spaces)
    return vocabulary.before_cut.empty() ? Json() : metaspace_json(vocabulary);
  if (kind == PreTokenizer::gpt2) {
    Json part = byte_level(true);
    part["add_prefix_space"] = !vocabulary.before_cut.empty();
    return part;
  }
  if (kind == PreTokenizer::digits_gpt2)
    return two({{"type", "Digits"}, {"individual_digits", true}}, byte_level(true));
  for (const Pattern& pattern : kPatterns)
    if (pattern.kind == kind)
      return two({{"type", "Split"},
                  {"pattern", {{"Regex", pattern.regex}}},
                  {"behavior", "Isolated"},
                  {"invert", false}},
                 byte_level(false));
  fail("a pre-tokenizer of no known kind");
}

Json decoder_json(const Vocabulary& vocabulary) {
  if (vocabulary.spellings.empty()) return byte_level(true);
  Json parts = {{{"type", "Replace"}, {"pattern", {{"String", kSpaceMark}}}, {"content", " "}},
                {{"type", "ByteFallback"}},
                {{"type", "Fuse"}}};
  if (vocabulary.decode_drops_space)
    parts.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return sequence("decoders", std::move(parts));
}

Json added_json(const AddedToken& token) {
  return {{"content", token.text},  {"single_word", token.single_word}, {"lstrip", token.lstrip},
          {"rstrip", token.rstrip}, {"normalized", token.normalized},   {"special", token.special}};
}

// As text, since base's order-keeping objects are slow at a hundred thousand keys.
std::string model_text(const Vocabulary& vocabulary) {
  std::vector<bool> added(vocabulary.tokens.size());
  for (const AddedToken& token : vocabulary.added) added[static_cast<std::size_t>(token.id)] = true;
  std::vector<std::string> spellings;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id)
    spellings.push_back(!vocabulary.spellings.empty() ? vocabulary.spellings[id]
                        : added[id]                   ? vocabulary.tokens[id]
                                                      : spell_bytes(vocabulary.tokens[id]));

  const Json unknown = vocabulary.missing_byte
                           ? Json(spellings[static_cast<std::size_t>(*vocabulary.missing_byte)])
                           : Json();
  Json head = {{"type", "BPE"},
               {"dropout", nullptr},
               {"unk_token", unknown},
               {"continuing_subword_prefix", nullptr},
               {"end_of_word_suffix", nullptr},
               {"fuse_unk", vocabulary.fuse_missing},
               {"byte_fallback", vocabulary.byte_fallback},
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
                     {"normalizer", normalizers_json(vocabulary.normalizer)},
                     {"pre_tokenizer", pre_tokenizer_json(vocabulary)},
                     {"post_processor", vocabulary.spellings.empty() ? byte_level(false) : Json()},
                     {"decoder", decoder_json(vocabulary)}};
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
