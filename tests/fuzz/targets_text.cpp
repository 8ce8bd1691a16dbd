#include "target.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/text/chat_template.hpp"
#include "tradeoff/text/tokenizer.hpp"

namespace tradeoff::fuzz {
namespace {

namespace fs = std::filesystem;
using text::Specials;

constexpr std::string_view kTexts[] = {"", " a b  c\n", "The 12 naïve 漢字 🙂 <s>x</s> it's",
                                       "\xFF\x80z"};

void use(const text::Tokenizer& tokenizer) {
  for (const std::string_view each : kTexts) {
    for (const Specials specials : {Specials::as_text, Specials::parse})
      (void)tokenizer.decode(tokenizer.encode(each, specials), text::SpecialsShown::skip);
  }
  (void)tokenizer.content_hash();
  (void)text::listed_merges(tokenizer.vocabulary());
}

// A tokenizer of three tokens, beside which a tokenizer_config.json stands.
constexpr std::string_view kTokenizer = R"({"version":"1.0","truncation":null,"padding":null,
"added_tokens":[{"id":2,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
"normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
"post_processor":null,"decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},
"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,
"fuse_unk":false,"byte_fallback":false,"vocab":{"a":0,"b":1},"merges":[]}})";

const std::vector<std::vector<text::Message>>& conversations() {
  static const std::vector<std::vector<text::Message>> all = {
      {{"user", "How many?"}},
      {{"system", "Be brief."}, {"user", "a"}, {"assistant", "b"}, {"user", "<s>{{ c }}"}}};
  return all;
}

void render(const text::ChatTemplate& chat) {
  for (const auto& messages : conversations()) {
    for (const bool prompt : {false, true}) (void)chat.render(messages, prompt);
  }
}

}  // namespace

void read_tokenizer_json(const fs::path& folder, std::string_view bytes) {
  use(text::load_tokenizer(put(folder / "tokenizer.json", bytes)));
}

void read_tokenizer_config(const fs::path& folder, std::string_view bytes) {
  if (!fs::exists(folder / "tokenizer.json")) put(folder / "tokenizer.json", kTokenizer);
  put(folder / "tokenizer_config.json", bytes);
  use(text::load_tokenizer(folder));
  render(text::load_chat_template(folder));
}

void read_tokenizer_model(const fs::path& folder, std::string_view bytes) {
  use(text::load_tokenizer(put(folder / "tokenizer.model", bytes)));
}

void read_jinja(const fs::path& folder, std::string_view bytes) {
  put(folder / "chat_template.jinja", bytes);
  render(text::load_chat_template(folder));
}

}  // namespace tradeoff::fuzz
