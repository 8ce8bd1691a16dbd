#include <algorithm>
#include <array>
#include <charconv>

#include "base64.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "vocabulary_files.hpp"

namespace tradeoff::text {

// Llama-3's published template (its tokenizer.model comes without one); Llama-3.1's differs.
const std::string_view kLlama3ChatTemplate =
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = "
    "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim "
    "+ "
    "'<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"
    "{{ content }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";

namespace {

constexpr std::size_t kLlama3Ranks = 128000;
constexpr std::size_t kLlama3Specials = 256;
// Names by Meta's llama_models; Llama 3.0 called some of them reserved. The rest are numbered
// from 2.
constexpr std::array<std::string_view, 12> kNamedSpecials = {"<|begin_of_text|>",
                                                             "<|end_of_text|>",
                                                             "<|reserved_special_token_0|>",
                                                             "<|reserved_special_token_1|>",
                                                             "<|finetune_right_pad_id|>",
                                                             "<|step_id|>",
                                                             "<|start_header_id|>",
                                                             "<|end_header_id|>",
                                                             "<|eom_id|>",
                                                             "<|eot_id|>",
                                                             "<|python_tag|>",
                                                             "<|image|>"};

}  // namespace

Vocabulary read_llama3_ranks(const std::filesystem::path& path) {
  const MappedFile file(path);
  const std::string_view text = file.text();
  Vocabulary vocabulary;
  std::string bytes;
  std::size_t line = 0, seen = 0;
  const auto bad = [&](const std::string& what) {
    fail(path.string() + ":" + std::to_string(line) + ": " + what);
  };
  for (std::size_t at = 0; at < text.size();) {
    ++line;
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view row = text.substr(at, end - at);
    at = end + 1;
    if (row.empty()) continue;
    const std::size_t space = row.find(' ');
    if (space == row.npos || !decode_base64(row.substr(0, space), bytes))
      bad("expected \"base64-bytes rank\", a line of a tiktoken vocabulary");
    std::size_t rank = 0;
    const char* last = row.data() + row.size();
    const auto [stop, error] = std::from_chars(row.data() + space + 1, last, rank);
    if (error != std::errc() || stop != last) bad("found no rank after the token");
    if (rank >= kLlama3Ranks)
      bad("found rank " + std::to_string(rank) + ", expected Llama-3's 0 to 127999");
    if (vocabulary.tokens.size() <= rank) vocabulary.tokens.resize(rank + 1);
    if (!vocabulary.tokens[rank].empty()) bad("rank " + std::to_string(rank) + " stands twice");
    vocabulary.tokens[rank] = bytes;
    ++seen;
  }
  if (seen != kLlama3Ranks)
    fail(path.string() + ": found " + std::to_string(seen) + " ranks, expected Llama-3's 128000");

  for (std::size_t i = 0; i < kLlama3Specials; ++i) {
    const std::size_t named = kNamedSpecials.size();
    std::string name = i < named
                           ? std::string(kNamedSpecials[i])
                           : "<|reserved_special_token_" + std::to_string(i - named + 2) + "|>";
    vocabulary.added.push_back({static_cast<TokenId>(kLlama3Ranks + i), name, true});
    vocabulary.tokens.push_back(std::move(name));
  }
  vocabulary.ignore_merges = true;
  vocabulary.pre_tokenizer = PreTokenizer::llama3;
  vocabulary.bos = 128000;
  vocabulary.eos = {128009, 128001};  // <|eot_id|> ends a turn, <|end_of_text|> a document
  vocabulary.pad = 128004;
  vocabulary.chat_template = kLlama3ChatTemplate;
  return vocabulary;
}

}  // namespace tradeoff::text
