#include "hf_parts.hpp"

#include <algorithm>

#include "patterns.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::text {
namespace {

using Object = JsonObject;
using Kind = TextStep::Kind;

std::string shown(const Object& value) {
  return shown_json(value, 300);
}
const Object& get(const Object& object, const char* key) {
  return json_at(object, key);
}
std::string text_at(const Object& object, const char* key) {
  const Object& value = get(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}
std::string type_of(const Object& part) {
  return text_at(part, "type");
}

// The parts of a Sequence, one after the other; `list` names them.
std::vector<Object> parts_of(const Object& given, const char* list) {
  if (given.is_null()) return {};
  if (type_of(given) != "Sequence") return {given};
  std::vector<Object> parts;
  if (const Object& inner = get(given, list); inner.is_array())
    for (const Object& part : inner)
      for (Object& each : parts_of(part, list)) parts.push_back(std::move(each));
  return parts;
}

void read_normalizer(const Object& part, std::vector<TextStep>& steps) {
  const std::string type = type_of(part), content = text_at(part, "content");
  const Object& pattern = get(part, "pattern");
  const std::string string = text_at(pattern, "String"), regex = text_at(pattern, "Regex");
  if (type == "NFC") {
    steps.push_back({Kind::nfc, {}, {}});
  } else if (type == "NFD") {
    steps.push_back({Kind::nfd, {}, {}});
  } else if (type == "NFKC") {
    steps.push_back({Kind::nfkc, {}, {}});
  } else if (type == "NFKD") {
    steps.push_back({Kind::nfkd, {}, {}});
  } else if (type == "Lowercase") {
    steps.push_back({Kind::lowercase, {}, {}});
  } else if (type == "Strip") {
    if (get(part, "strip_left") != false) steps.push_back({Kind::strip_left, {}, {}});
    if (get(part, "strip_right") != false) steps.push_back({Kind::strip_right, {}, {}});
  } else if (type == "Prepend" && get(part, "prepend").is_string()) {
    steps.push_back({Kind::prepend, {}, text_at(part, "prepend")});
  } else if (type == "Replace" && !string.empty() && get(part, "content").is_string()) {
    steps.push_back({Kind::replace, string, content});
  } else if (type == "Replace" && regex == "^ +| +$" && content.empty()) {
    steps.push_back({Kind::trim_spaces, {}, {}});
  } else if (type == "Replace" && regex == " {2,}" && content == " ") {
    steps.push_back({Kind::squeeze_spaces, {}, {}});
  } else {
    fail("key \"normalizer\": found " + shown(part) +
         ", expected NFC, NFD, NFKC, NFKD, Lowercase, Strip, Prepend, Replace of a string, or a "
         "Sequence of them");
  }
}

// Metaspace: spaces become marks, and a mark stands before the text.
void read_metaspace(const Object& part, Vocabulary& vocabulary) {
  const std::string mark = text_at(part, "replacement"), scheme = text_at(part, "prepend_scheme");
  if (mark != kSpaceMark)
    fail("key \"pre_tokenizer\": found " + shown(part) + ", expected the replacement U+2581");
  vocabulary.before_cut.push_back({Kind::replace, " ", mark});
  const bool never = scheme.empty() ? get(part, "add_prefix_space") == false : scheme == "never";
  if (!never)
    vocabulary.before_cut.push_back(
        {scheme == "first" ? Kind::prepend_first : Kind::prepend_missing, {}, mark});
  vocabulary.pre_tokenizer =
      get(part, "split") == false ? PreTokenizer::whole : PreTokenizer::spaces;
}

// The kind of a Split by a known regex whose matches are the pieces, or none.
std::optional<PreTokenizer> known_split(const Object& part) {
  if (type_of(part) != "Split") return std::nullopt;
  const std::string behavior = text_at(part, "behavior");
  const bool invert = get(part, "invert") == true;
  // The known regexes leave no text between their matches.
  if (!(behavior == "Isolated") && !(behavior == "Removed" && invert)) return std::nullopt;
  for (const Pattern& pattern : kPatterns)
    if (text_at(get(part, "pattern"), "Regex") == pattern.regex) return pattern.kind;
  return std::nullopt;
}

// A Split at spaces where the normalizer leaves none (Gemma).
bool splits_nothing(const Object& part, const Vocabulary& vocabulary) {
  if (type_of(part) != "Split" || text_at(get(part, "pattern"), "String") != " ") return false;
  for (const TextStep& step : vocabulary.normalizer)
    if (step.kind == Kind::replace && step.from == " ") return true;
  return false;
}

bool read_pre_tokenizer(const Object& root, Vocabulary& vocabulary) {
  const Object& given = get(root, "pre_tokenizer");
  std::vector<Object> parts = parts_of(given, "pretokenizers");
  if (!parts.empty() && splits_nothing(parts[0], vocabulary)) parts.erase(parts.begin());
  const auto byte_level = [&](const Object& part, bool use_regex) {
    const Object& regex = get(part, "use_regex");
    return type_of(part) == "ByteLevel" && (regex.is_null() ? true : regex == true) == use_regex;
  };
  const auto prefix = [](const Object& part) { return get(part, "add_prefix_space") != false; };
  if (parts.empty()) {
    vocabulary.pre_tokenizer = PreTokenizer::whole;
    return false;
  }
  if (parts.size() == 1 && type_of(parts[0]) == "Metaspace") {
    read_metaspace(parts[0], vocabulary);
    return false;
  }
  if (parts.size() == 1 && byte_level(parts[0], true)) {
    if (prefix(parts[0])) vocabulary.before_cut.push_back({Kind::prepend_missing, {}, " "});
    vocabulary.pre_tokenizer = PreTokenizer::gpt2;
    return true;
  }
  if (parts.size() == 2 && type_of(parts[0]) == "Digits" &&
      get(parts[0], "individual_digits") == true && byte_level(parts[1], true) &&
      !prefix(parts[1])) {
    vocabulary.pre_tokenizer = PreTokenizer::digits_gpt2;
    return true;
  }
  if (parts.size() == 2 && byte_level(parts[1], false) && !prefix(parts[1]))
    if (const auto kind = known_split(parts[0])) {
      vocabulary.pre_tokenizer = *kind;
      return true;
    }
  fail(
      "key \"pre_tokenizer\": found " + shown(given) +
      ", expected ByteLevel, Digits and ByteLevel, a Split by the regex of Llama-3, Qwen 2, GPT-2, "
      "Tekken or o200k and ByteLevel without a prefix space, Metaspace, or none");
}

void read_decoder(const Object& root, Vocabulary& vocabulary) {
  for (const Object& part : parts_of(get(root, "decoder"), "decoders")) {
    const std::string type = type_of(part);
    const bool drops =
        (type == "Strip" && text_at(part, "content") == " " && get(part, "start") == 1) ||
        (type == "Metaspace" && text_at(part, "prepend_scheme") != "never");
    vocabulary.decode_drops_space |= drops;
    if (!drops && type != "ByteLevel" && type != "ByteFallback" && type != "Fuse" &&
        type != "Replace" && type != "Metaspace" && type != "Strip")
      fail("key \"decoder\": found " + shown(part) +
           ", expected ByteLevel, Replace, ByteFallback, Fuse, Strip or Metaspace");
  }
}

}  // namespace

namespace {

// Steps that make text longer multiply: a few of them fill the memory. Real ones make a space a
// mark of three bytes.
void check_growth(const std::vector<TextStep>& steps) {
  constexpr std::size_t kMost = 1024;
  std::size_t growth = 1;
  for (const TextStep& step : steps) {
    const std::size_t from = std::max<std::size_t>(step.from.size(), 1);
    if (step.kind == Kind::replace)
      growth *= (step.to.size() + from - 1) / from + (step.to.empty() ? 1 : 0);
    if (growth > kMost || step.to.size() > kMost)
      fail("key \"normalizer\": found steps that make a text more than " + std::to_string(kMost) +
           " times as long");
  }
}

}  // namespace

bool read_hf_parts(const Object& root, Vocabulary& vocabulary) {
  for (const Object& part : parts_of(get(root, "normalizer"), "normalizers"))
    read_normalizer(part, vocabulary.normalizer);
  check_growth(vocabulary.normalizer);
  const bool byte_level = read_pre_tokenizer(root, vocabulary);
  read_decoder(root, vocabulary);
  for (const Object& part : parts_of(get(root, "post_processor"), "processors"))
    if (type_of(part) == "TemplateProcessing")
      vocabulary.adds_bos = get(part, "single").is_array() && !get(part, "single").empty() &&
                            get(part, "single")[0].contains("SpecialToken");
  return byte_level;
}

}  // namespace tradeoff::text
