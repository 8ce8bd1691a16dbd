// Mistral's own tekken.json, on a small file: 20 special tokens, 256 bytes and two words.
#include <gtest/gtest.h>

#include "fixtures.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/text/chat_template.hpp"

namespace tradeoff::text {
namespace {

using Ids = std::vector<TokenId>;

constexpr const char* kTekkenRegex =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::string base64(const std::string& bytes) {
  static const std::string kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (i + j < bytes.size() ? static_cast<std::uint8_t>(bytes[i + j]) : 0);
    for (std::size_t j = 0; j < 4; ++j)
      text += i + j > bytes.size() ? '=' : kDigits[bits >> (18 - 6 * j) & 63];
  }
  return text;
}

struct TekkenFiles : TextFiles {
  // Ids: 24 specials, of which 4 are fillers, then the ranks.
  static Json small() {
    Json json;
    json["config"] = {{"pattern", kTekkenRegex},
                      {"num_vocab_tokens", 259},
                      {"default_vocab_size", 24 + 258},
                      {"default_num_special_tokens", 24},
                      {"version", "v3"}};
    for (int rank = 0; rank < 259; ++rank) {
      const std::string bytes = rank == 256   ? "ab"
                                : rank == 257 ? "abc"
                                : rank == 258 ? "beyond"
                                              : std::string(1, static_cast<char>(rank));
      json["vocab"].push_back(
          {{"rank", rank}, {"token_bytes", base64(bytes)}, {"token_str", nullptr}});
    }
    return json;
  }
  Tokenizer load(const Json& json) { return load_tokenizer(file("tekken.json", json.dump())); }
  template <typename Bend>
  std::string said(Bend bend) {
    Json json = small();
    bend(json);
    const std::string text = error_of([&] { load(json); });
    EXPECT_EQ(text.find((folder / "tekken.json").string()), 0u) << text;
    return text;
  }
};

TEST_F(TekkenFiles, ids_are_the_special_tokens_then_the_ranks) {
  const Tokenizer tokenizer = load(small());
  EXPECT_EQ(tokenizer.vocab_size(), 282u);
  EXPECT_EQ(tokenizer.encode("abcab", Specials::as_text), (Ids{24 + 257, 24 + 256}));
  EXPECT_EQ(tokenizer.encode("Cab", Specials::as_text), (Ids{24 + 'C', 24 + 256}));
  // Special tokens are found where they are asked for alone.
  EXPECT_EQ(tokenizer.encode("<s>[INST]ab<SPECIAL_23>", Specials::parse), (Ids{1, 3, 280, 23}));
  EXPECT_EQ(tokenizer.encode("<s>", Specials::as_text), (Ids{24 + '<', 24 + 's', 24 + '>'}));
  EXPECT_EQ(tokenizer.bos(), 1);
  EXPECT_EQ(tokenizer.eos(), Ids{2});
  EXPECT_EQ(tokenizer.vocabulary().pad, 11);
  EXPECT_EQ(tokenizer.vocabulary().adds_bos, true);
  // What the file lists beyond the models' vocabulary is no token.
  EXPECT_EQ(tokenizer.encode("beyond", Specials::as_text).size(), 6u);
}

TEST_F(TekkenFiles, later_versions_name_their_special_tokens) {
  Json json = small();
  json["config"]["version"] = "v11";
  json["special_tokens"] = {{{"rank", 0}, {"token_str", "<s>"}, {"is_control", true}},
                            {{"rank", 1}, {"token_str", "</s>"}, {"is_control", true}},
                            {{"rank", 2}, {"token_str", "[THINK]"}, {"is_control", false}}};
  const Tokenizer tokenizer = load(json);
  EXPECT_EQ(tokenizer.encode("<s>[THINK]<SPECIAL_3>", Specials::parse), (Ids{0, 2, 3}));
  EXPECT_EQ(tokenizer.vocabulary().pad, std::nullopt);
  json.erase("special_tokens");
  EXPECT_SAYS(error_of([&] { load(json); }), "special_tokens: found null, expected a list");
}

TEST_F(TekkenFiles, what_is_written_from_it_encodes_the_same) {
  const Tokenizer tokenizer = load(small());
  const auto written = folder / "written";
  write_hf_tokenizer(tokenizer.vocabulary(), written);
  const Tokenizer again = load_tokenizer(written);
  for (const char* text : {"abcab", "<s>[INST] abC 12\n\n", "\xff\xc3\xa9"})
    EXPECT_EQ(again.encode(text, Specials::parse), tokenizer.encode(text, Specials::parse)) << text;
}

TEST_F(TekkenFiles, a_folder_uses_it_unless_there_is_a_tokenizer_json) {
  load(small());
  file("chat_template.jinja", "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}");
  EXPECT_EQ(load_tokenizer(folder).vocab_size(), 282u);
  EXPECT_EQ(text_of(load_chat_template(folder).render({{"user", "x"}}, true)), "<s>x</s>");
  EXPECT_EQ(load_tokenizer(folder).vocabulary().chat_template.substr(0, 15), "{{ bos_token }}");
  write_hf_tokenizer(smollm2().vocabulary(), folder);
  testing::internal::CaptureStderr();
  EXPECT_EQ(load_tokenizer(folder).vocab_size(), smollm2().vocab_size());
  EXPECT_SAYS(testing::internal::GetCapturedStderr(), "tokenizer.json is read");
}

TEST_F(TekkenFiles, a_bad_file_is_refused_by_place) {
  EXPECT_SAYS(said([](Json& j) { j["config"]["pattern"] = "."; }), "config.pattern: found \".\"");
  EXPECT_SAYS(said([](Json& j) { j["config"]["version"] = "v99"; }), "config.version: found");
  EXPECT_SAYS(said([](Json& j) { j["config"].erase("version"); }), "config.version: found null");
  EXPECT_SAYS(said([](Json& j) { j["config"]["default_vocab_size"] = -1; }),
              "config.default_vocab_size: found -1");
  EXPECT_SAYS(said([](Json& j) { j["config"]["default_vocab_size"] = 284; }),
              "vocab: found 259 tokens, expected at least the 260");
  EXPECT_SAYS(said([](Json& j) { j["config"]["default_num_special_tokens"] = 282; }),
              "expected fewer than the 282");
  EXPECT_SAYS(said([](Json& j) { j["config"]["default_num_special_tokens"] = 19; }),
              "special_tokens: found 20, expected at most the 19");
  EXPECT_SAYS(said([](Json& j) { j["config"] = 3; }), "config.default_vocab_size: found null");
  EXPECT_SAYS(said([](Json& j) { j["vocab"] = 3; }), "vocab: found 1 tokens");
  EXPECT_SAYS(said([](Json& j) {
                const Json tokens = j["vocab"];
                j["vocab"] = Json::object();
                for (const Json& token : tokens)
                  j["vocab"]["k" + std::to_string(j["vocab"].size())] = token;
              }),
              "vocab: found 259 tokens");
  EXPECT_SAYS(said([](Json& j) {
                j["config"]["default_vocab_size"] = 1 << 24;
                j["config"]["default_num_special_tokens"] = (1 << 24) - 1;
              }),
              "expected at most 65536");
  EXPECT_SAYS(said([](Json& j) { j["vocab"][257]["rank"] = 3; }), "vocab[257]: found");
  EXPECT_SAYS(said([](Json& j) { j["vocab"][257]["token_bytes"] = "YWI"; }), "base64");
  EXPECT_SAYS(said([](Json& j) { j["vocab"][257]["token_bytes"] = 7; }), "base64");
  EXPECT_SAYS(said([](Json& j) { j["vocab"][257]["token_bytes"] = "YWI="; }), "no earlier token");
  EXPECT_SAYS(said([](Json& j) { j["vocab"][0]["token_bytes"] = "YWI="; }), "the single byte 0");
  EXPECT_SAYS(said([](Json& j) { j["normalizer"] = "NFC"; }), "found the key \"normalizer\"");
}

TEST_F(TekkenFiles, bad_special_tokens_are_refused_by_place) {
  const auto with = [&](Json list) {
    return said([&](Json& j) { j["special_tokens"] = std::move(list); });
  };
  const Json bos = {{"rank", 0}, {"token_str", "<s>"}}, eos = {{"rank", 1}, {"token_str", "</s>"}};
  EXPECT_SAYS(
      with({bos, {{"rank", 1}, {"token_str", "<s>"}}, {{"rank", 2}, {"token_str", "</s>"}}}),
      "found \"<s>\" twice");
  EXPECT_SAYS(with({bos, {{"rank", 7}, {"token_str", "</s>"}}}), "special_tokens[1]: found");
  EXPECT_SAYS(with({bos, eos, {{"rank", 2}, {"token_str", ""}}}), "special_tokens[2]: found");
  EXPECT_SAYS(with({bos, eos, 3}), "special_tokens[2]: found 3");
  EXPECT_SAYS(with(Json::array({bos})), "expected <s> and </s> among them");
  EXPECT_SAYS(with("x"), "expected a list");
}

}  // namespace
}  // namespace tradeoff::text
