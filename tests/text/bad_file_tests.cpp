#include <gtest/gtest.h>

#include <array>

#include "fixtures.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/text/chat.hpp"

namespace tradeoff::text {
namespace {

using Ids = std::vector<TokenId>;

// A tokenizer.json of five letters, two merges and two added tokens, to be bent.
Json small() {
  return Json::parse(R"({
    "added_tokens": [
      {"id": 7, "content": "<s>", "special": true, "lstrip": false, "single_word": false},
      {"id": 8, "content": "<s><p>", "special": false}],
    "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
    "model": {"type": "BPE", "unk_token": null, "byte_fallback": false, "ignore_merges": false,
      "vocab": {"a": 0, "b": 1, "c": 2, "Ġ": 3, "ab": 4, "abc": 5, "bc": 6},
      "merges": [["a", "b"], "ab c"]}})");
}

struct BadFiles : TextFiles {
  Tokenizer load(const Json& json) { return load_tokenizer(file("tokenizer.json", json.dump())); }
  /// What loading says after `bend` has changed the small tokenizer; it must begin with the file's
  /// name.
  template <typename Bend>
  std::string said(Bend bend) {
    Json json = small();
    bend(json);
    const std::string text = error_of([&] { load(json); });
    EXPECT_EQ(text.find(folder.string()), 0u) << text;
    return text;
  }
};

TEST_F(BadFiles, the_small_tokenizer_is_good) {
  const Tokenizer tokenizer = load(small());
  EXPECT_EQ(tokenizer.vocab_size(), 9u);
  EXPECT_EQ(tokenizer.encode("abc bc", Specials::as_text), (Ids{5, 3, 1, 2}));  // "bc" has no merge
  // Added tokens: the longest wins; one that is not special is found in all text, as in HF.
  EXPECT_EQ(tokenizer.encode("a<s><p>b", Specials::as_text), (Ids{0, 8, 1}));
  EXPECT_EQ(tokenizer.encode("<s><s><p>", Specials::parse), (Ids{7, 8}));
  EXPECT_EQ(tokenizer.encode("a<s>b", Specials::as_text), (Ids{0, 1}));  // no tokens for < s >
  EXPECT_EQ(tokenizer.special_id("<s><p>"), std::nullopt);
  EXPECT_EQ(tokenizer.find_special("<s><p><s>")->at, 6u);

  Json whole = small();
  whole["model"]["ignore_merges"] = true;
  EXPECT_EQ(load(whole).encode("bc", Specials::as_text), Ids{6});
}

TEST_F(BadFiles, added_tokens_take_space_and_stand_alone_as_asked) {
  Json json = small();
  json["added_tokens"][0]["lstrip"] = true;
  json["added_tokens"][1]["rstrip"] = true;
  EXPECT_EQ(load(json).encode("a \u2003<s> b", Specials::parse), (Ids{0, 7, 3, 1}));
  EXPECT_EQ(load(json).encode("a <s><p> \n b", Specials::parse), (Ids{0, 3, 8, 1}));
  json = small();
  json["added_tokens"][0]["single_word"] = true;
  EXPECT_EQ(load(json).encode("a<s>b <s>", Specials::parse), (Ids{0, 1, 3, 7}));
}

TEST_F(BadFiles, text_does_not_merge_into_a_special_token) {
  Json json = small();
  json["added_tokens"].push_back({{"id", 5}, {"content", "abc"}, {"special", true}});
  EXPECT_EQ(load(json).encode("abc", Specials::parse), Ids{5});
  EXPECT_EQ(load(json).encode("abc", Specials::as_text), (Ids{4, 2}));
  json["model"]["ignore_merges"] = true;
  EXPECT_EQ(load(json).encode("abc", Specials::as_text), (Ids{4, 2}));
  const std::array<Tokenizer::Markup, 1> front{{{0, 3}}};
  EXPECT_EQ(load(json).encode("abcabc", front), (Ids{5, 4, 2}));
}

TEST_F(BadFiles, special_tokens_of_markup_act_as_in_the_whole_text) {
  Json json = small();
  json["added_tokens"][0]["lstrip"] = json["added_tokens"][0]["rstrip"] = true;
  const Tokenizer strips = load(json);
  const auto chat = [](const char* before, const char* after) {
    using enum SegmentKind;
    return std::vector<Segment>{{before, data}, {"<s>", markup}, {after, data}};
  };
  EXPECT_EQ(encode_segments(strips, chat("a ", " b")), (Ids{0, 7, 1}));
  EXPECT_EQ(encode_segments(strips, chat("<s>a", "b<s>")), (Ids{0, 7, 1}));
  json = small();
  json["added_tokens"][0]["single_word"] = true;
  EXPECT_EQ(encode_segments(load(json), chat("a", "b")), (Ids{0, 1}));  // no tokens for < s >
  json = small();
  json["added_tokens"][0]["normalized"] = true;
  EXPECT_EQ(encode_segments(load(json), chat("<s>a", "b<s>")), (Ids{0, 7, 1}));
}

TEST_F(BadFiles, a_prefix_stands_before_the_whole_text_alone) {
  Json json = small();
  json["pre_tokenizer"] = {{"type", "Metaspace"},
                           {"replacement", "\u2581"},
                           {"prepend_scheme", "first"},
                           {"split", false}};
  json["model"]["vocab"] = {{"a", 0},       {"b", 1},       {"c", 2}, {"\u2581", 3},
                            {"\u2581a", 4}, {"\u2581b", 5}, {"ab", 6}};
  json["model"]["merges"] = Json::parse(R"([["\u2581", "a"], ["\u2581", "b"], ["a", "b"]])");
  using enum SegmentKind;
  EXPECT_EQ(encode_segments(load(json), {{"a", data}, {"<s>", markup}, {"b", data}}),
            (Ids{4, 7, 1}));
  EXPECT_EQ(encode_segments(load(json), {{"<s>", markup}, {"b", data}}), (Ids{7, 1}));
}

TEST_F(BadFiles, bytes_without_a_token_become_the_unknown_token) {
  EXPECT_EQ(load(small()).encode("axxb", Specials::as_text), (Ids{4}));  // dropped, as HF does
  Json json = small();
  json["model"]["unk_token"] = "c";
  EXPECT_EQ(load(json).encode("axxb", Specials::as_text), (Ids{0, 2, 2, 1}));
  json["model"]["fuse_unk"] = true;
  EXPECT_EQ(load(json).encode("axxb", Specials::as_text), (Ids{0, 2, 1}));
}

TEST_F(BadFiles, a_tokenizer_json_of_another_kind_is_refused) {
  EXPECT_SAYS(said([](Json& j) { j["model"]["type"] = "Unigram"; }), "expected \"BPE\"");
  EXPECT_SAYS(said([](Json& j) { j["model"]["byte_fallback"] = true; }), "byte_fallback");
  EXPECT_SAYS(said([](Json& j) { j["model"]["dropout"] = 0.1; }), "dropout");
  EXPECT_SAYS(said([](Json& j) { j["model"]["end_of_word_suffix"] = "</w>"; }),
              "end_of_word_suffix");
  EXPECT_SAYS(said([](Json& j) { j["model"]["unk_token"] = "x"; }), "unk_token: found \"x\"");
  EXPECT_SAYS(said([](Json& j) {
                j["normalizer"] = {{"type", "Nmt"}};
              }),
              "key \"normalizer\": found {\"type\":\"Nmt\"}, expected NFC");
  EXPECT_SAYS(said([](Json& j) { j["decoder"] = {{"type", "WordPiece"}}; }), "key \"decoder\"");
  EXPECT_SAYS(said([](Json& j) {
                j["pre_tokenizer"] = {{"type", "Whitespace"}};
              }),
              "pre_tokenizer");
}

TEST_F(BadFiles, a_tokenizer_json_that_contradicts_itself_is_refused) {
  EXPECT_SAYS(said([](Json& j) { j.erase("model"); }), "key \"model\"");
  EXPECT_SAYS(said([](Json& j) { j["model"]["vocab"] = Json::array(); }), "key \"vocab\"");
  EXPECT_SAYS(said([](Json& j) { j["model"]["vocab"]["a"] = -1; }), "found id -1");
  EXPECT_SAYS(said([](Json& j) { j["model"]["vocab"]["a"] = 1.5; }), "found id 1.5");
  EXPECT_SAYS(said([](Json& j) { j["model"]["vocab"]["a"] = 4000000000u; }), "found id 4000000000");
  EXPECT_SAYS(said([](Json& j) { j["model"]["vocab"]["a"] = 1; }), "both have id 1");
  EXPECT_SAYS(said([](Json& j) { j["model"]["vocab"]["a"] = 9; }), "ids must be dense");
  EXPECT_SAYS(said([](Json& j) { j["model"]["merges"][1] = "ab x"; }), "merges[1]: found \"ab x\"");
  EXPECT_SAYS(said([](Json& j) { j["model"]["merges"] = {"ab"}; }), "merges[0]: found \"ab\"");
  EXPECT_SAYS(said([](Json& j) { j["model"]["merges"] = {{"a", "b", "c"}}; }), "merges[0]");
  EXPECT_SAYS(said([](Json& j) { j["model"]["merges"] = 3; }), "model.merges");
  EXPECT_SAYS(said([](Json& j) { j["added_tokens"][0]["id"] = 1; }), "id 1");
  EXPECT_SAYS(said([](Json& j) { j["added_tokens"][0]["content"] = "ab"; }), "gives it 4");
  EXPECT_SAYS(said([](Json& j) { j["added_tokens"][0]["content"] = ""; }), "has no text");
  EXPECT_SAYS(said([](Json& j) { j["added_tokens"] = {3}; }), "added_tokens: found 3");
}

// Forty doublings of the letter a would fill any memory.
TEST_F(BadFiles, a_normalizer_that_makes_text_grow_without_end_is_refused) {
  EXPECT_SAYS(said([](Json& j) {
                const Json doubling = {
                    {"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}};
                j["normalizer"] = {{"type", "Sequence"}, {"normalizers", Json(40, doubling)}};
              }),
              "more than 1024 times as long");
}

TEST_F(BadFiles, a_piece_without_a_finite_score_is_refused) {
  // One piece "a" of score NaN: fields 1 (text) and 2 (float32) of field 1.
  const auto path = file("tokenizer.model", std::string("\x0a\x08\x0a\x01"
                                                        "a\x15\x00\x00\xc0\x7f",
                                                        10));
  EXPECT_SAYS(error_of([&] { load_tokenizer(path); }), "no finite number");
}

TEST_F(BadFiles, text_that_is_not_a_tokenizer_is_refused) {
  const auto said_of = [&](const std::string& text) {
    return error_of([&] { load_tokenizer(file("x", text)); });
  };
  EXPECT_SAYS(said_of("{\"model\": "), "x: ");
  EXPECT_SAYS(said_of("{\"a\":" + std::string(100000, '[')), "nested deeper than 64");
  EXPECT_SAYS(said_of(""), "found 0 ranks, expected Llama-3's 128000");
  EXPECT_SAYS(said_of("YQ== 0\nYg== 1\n"), "found 2 ranks, expected Llama-3's 128000");
  EXPECT_SAYS(said_of("YQ== 0\nYg== 0\n"), "x:2: rank 0 stands twice");
  EXPECT_SAYS(said_of("YQ== 0\nYg= 1\n"), "x:2: expected");
  EXPECT_SAYS(said_of("Y*== 0\n"), "x:1: expected");
  EXPECT_SAYS(said_of("YQ== -1\n"), "x:1: found no rank");
  EXPECT_SAYS(said_of("YQ== 1x\n"), "x:1: found no rank");
  EXPECT_SAYS(said_of("YQ== 128000\n"), "x:1: found rank 128000");
  EXPECT_SAYS(said_of("YQ== 99999999999999999999\n"), "x:1: found no rank");
  EXPECT_SAYS(said_of("\n\x05<unk>\x10"), "x:2: expected");  // SentencePiece, as Llama-2's
  EXPECT_SAYS(said_of("GGUF"), "x: ");
  EXPECT_SAYS(error_of([&] { load_tokenizer(folder / "nowhere"); }), "nowhere");
  EXPECT_SAYS(error_of([&] { load_tokenizer(folder); }), "x");
}

TEST_F(BadFiles, a_file_larger_than_any_tokenizer_is_refused_unread) {
  for (const char* name : {"tokenizer.json", "tokenizer.model", "ranks.model"}) {
    const auto path = file(name, name == std::string_view("tokenizer.json") ? "{" : "IQ== 0\n");
    std::filesystem::resize_file(path, (std::uintmax_t{256} << 20) + 1);
    const std::string text = error_of([&] { load_tokenizer(path); });
    EXPECT_EQ(text, path.string() + ": has 268435457 bytes, expected at most 256 MiB");
  }
}

TEST_F(BadFiles, nuls_behind_a_tokenizer_are_refused) {
  const auto path = file("tokenizer.json", small().dump() + std::string(2, '\0'));
  EXPECT_SAYS(error_of([&] { load_tokenizer(path); }), "found a NUL byte");
}

TEST_F(BadFiles, a_folder_without_a_tokenizer_is_refused) {
  EXPECT_SAYS(error_of([&] { load_tokenizer(folder); }),
              "found none of tokenizer.json, tekken.json and tokenizer.model");
}

TEST_F(BadFiles, a_tokenizer_config_must_fit) {
  const auto said_of = [&](const std::string& config) {
    file("tokenizer_config.json", config);
    return error_of([&] { load(small()); });
  };
  EXPECT_SAYS(said_of(R"({"bos_token": "<bos>"})"),
              "found \"<bos>\", which tokenizer.json does not have");
  EXPECT_SAYS(said_of(R"({"eos_token": 3})"), "tokenizer_config.json: key \"eos_token\"");
  EXPECT_SAYS(said_of(R"({"added_tokens_decoder": {"9": {"content": "<new>"}}})"), "<new>");
  EXPECT_SAYS(said_of(R"({"added_tokens_decoder": {"3": {"content": "<s>"}}})"), "another id");
  EXPECT_SAYS(said_of("[]"), "expected an object");
  file("tokenizer_config.json", R"({"eos_token": {"content": "<s>"}, "pad_token": null})");
  EXPECT_EQ(load(small()).eos(), Ids{7});
}

// GGUF's strings and arrays, as far as a vocabulary needs them.
std::string gguf(const std::string& model, const std::string& pre,
                 const std::vector<std::string>& tokens, const std::vector<std::int32_t>& types,
                 const std::vector<std::string>& merges, std::uint32_t eos,
                 const std::string& architecture = "llama") {
  std::string text = "GGUF";
  const auto number = [&](auto value) {
    text.append(reinterpret_cast<char*>(&value), sizeof(value));
  };
  const auto string = [&](const std::string& value) {
    number(std::uint64_t{value.size()});
    text += value;
  };
  const auto key = [&](const std::string& name, std::uint32_t type) {
    string("tokenizer.ggml." + name);
    number(type);
  };
  const auto list = [&](std::uint32_t type, const auto& values, auto write) {
    number(type);
    number(std::uint64_t{values.size()});
    for (const auto& value : values) write(value);
  };
  number(std::uint32_t{3}), number(std::uint64_t{0}), number(std::uint64_t{7});
  string("general.architecture"), number(std::uint32_t{8}), string(architecture);
  key("model", 8), string(model);
  key("pre", 8), string(pre);
  key("tokens", 9), list(8, tokens, string);
  key("token_type", 9), list(5, types, [&](std::int32_t type) { number(type); });
  key("merges", 9), list(8, merges, string);
  key("eos_token_id", 4), number(eos);
  return text;
}

TEST_F(BadFiles, a_gguf_vocabulary_must_fit) {
  const auto said_of = [&](const std::string& text) {
    return error_of([&] { load_tokenizer(file("x.gguf", text)); });
  };
  const std::vector<std::string> tokens = {"<e>", "a", "b", "ab"};
  const std::vector<std::int32_t> types = {3, 1, 1, 1};
  const Tokenizer good =
      load_tokenizer(file("x.gguf", gguf("gpt2", "gpt-2", tokens, types, {"a b"}, 0)));
  EXPECT_EQ(good.encode("ab<e>", Specials::parse), (Ids{3, 0}));
  EXPECT_SAYS(said_of(gguf("llama", "gpt-2", tokens, types, {"a b"}, 0)), "tokenizer.ggml.scores");
  EXPECT_SAYS(said_of(gguf("bert", "gpt-2", tokens, types, {"a b"}, 0)),
              "found \"bert\", expected gpt2");
  EXPECT_SAYS(said_of(gguf("gpt2", "nobody", tokens, types, {"a b"}, 0)), "found \"nobody\"");
  const Tokenizer qwen = load_tokenizer(
      file("x.gguf", gguf("gpt2", "qwen2", {"<e>", "1", "2", "12"}, types, {"1 2"}, 0)));
  EXPECT_EQ(qwen.encode("12", Specials::as_text), (Ids{1, 2}));  // digits stand alone
  EXPECT_SAYS(said_of(gguf("gpt2", "gpt-2", tokens, {3, 1}, {"a b"}, 0)), "has 2 entries");
  EXPECT_SAYS(said_of(gguf("gpt2", "gpt-2", tokens, types, {"a b", "a c"}, 0)),
              "merges[1]: found \"a c\"");
  EXPECT_SAYS(said_of(gguf("gpt2", "gpt-2", tokens, types, {"ab"}, 0)), "merges[0]: found \"ab\"");
  EXPECT_SAYS(said_of(gguf("gpt2", "gpt-2", tokens, types, {"b a"}, 0)),
              "merges[0]: found \"b a\"");
  EXPECT_SAYS(said_of(gguf("gpt2", "gpt-2", tokens, types, {"a b"}, 4)),
              "found 4, expected an id below 4");
}

TEST_F(BadFiles, a_gguf_whose_converter_did_not_know_is_read_by_architecture_or_refused) {
  const std::vector<std::string> tokens = {"<e>", "1", "2", "12"};
  const auto made = [&](const std::string& pre, const std::string& architecture) {
    return load_tokenizer(
        file("x.gguf", gguf("gpt2", pre, tokens, {3, 1, 1, 1}, {"1 2"}, 0, architecture)));
  };
  EXPECT_EQ(made("default", "qwen2").encode("12", Specials::as_text), (Ids{1, 2}));
  EXPECT_EQ(made("default", "gpt2").encode("12", Specials::as_text), Ids{3});
  for (const char* other : {"llama", "qwen35", "olmo2", ""}) {
    const std::string said = error_of([&] { made("default", other); });
    EXPECT_SAYS(said, "found \"default\" with the architecture \"" + std::string(other) + "\"");
    EXPECT_SAYS(said,
                "expected one of dbrx, deepseek-r1-qwen, gpt-2, gpt-4o, llama-bpe, llama-v3, "
                "llama3, olmo, qwen2, refact, smollm, starcoder, tekken, or default with the "
                "architecture gpt2, qwen2, qwen2moe, qwen3, qwen3moe");
  }
}

}  // namespace
}  // namespace tradeoff::text
