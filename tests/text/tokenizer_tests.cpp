#include <gtest/gtest.h>

#include <thread>

#include "fixtures.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/text/tokenize_file.hpp"

namespace tradeoff::text {
namespace {

using Ids = std::vector<TokenId>;

TEST(Llama3, has_metas_vocabulary_and_special_tokens) {
  EXPECT_EQ(llama3().vocab_size(), 128256u);
  EXPECT_EQ(llama3().bos(), 128000);
  EXPECT_EQ(llama3().eos(), (Ids{128009, 128001}));
  EXPECT_EQ(llama3().special_id("<|begin_of_text|>"), 128000);
  EXPECT_EQ(llama3().special_id("<|start_header_id|>"), 128006);
  EXPECT_EQ(llama3().special_id("<|eot_id|>"), 128009);
  EXPECT_EQ(llama3().special_id("<|reserved_special_token_245|>"), 128255);
  EXPECT_EQ(llama3().special_id("hello"), std::nullopt);
  EXPECT_TRUE(llama3().is_special(128255));
  EXPECT_FALSE(llama3().is_special(127999));
  EXPECT_FALSE(llama3().is_special(-1));
  EXPECT_FALSE(llama3().is_special(128256));
}

TEST(Llama3, gives_the_ids_of_tiktoken) {
  // Written down from tiktoken 0.14.0 with Meta's pattern; the golden test compares megabytes.
  const auto ids = [](std::string_view text) { return llama3().encode(text, Specials::as_text); };
  EXPECT_EQ(ids(""), Ids{});
  EXPECT_EQ(ids("\n\n"), Ids{271});
  EXPECT_EQ(ids("user"), Ids{882});
  EXPECT_EQ(ids("How many singers do we have?"), (Ids{4438, 1690, 68141, 656, 584, 617, 30}));
  EXPECT_EQ(ids("1234567"), (Ids{4513, 10961, 22}));
  EXPECT_EQ(ids("WHERE T1.Name = 'O''Brien' AND year > 1_000\r\n\t-- x"),
            (Ids{27611, 350,  16,  3040, 284, 364, 46,  4708, 33,  35838, 6,
                 3651,  1060, 871, 220,  16,  62,  931, 319,  197, 313,   865}));
  // The long s is an s to (?i:'s); a combining mark is no letter; an ideographic space.
  EXPECT_EQ(ids("'\u017fe \u00e9a\u0300 \u3000x"),
            (Ids{6, 129, 123, 68, 4046, 64, 97649, 220, 23249, 87}));
}

TEST(Tokenizer, special_tokens_are_text_unless_parsed) {
  const std::string text = "a<|eot_id|>b";
  EXPECT_EQ(llama3().encode(text, Specials::parse), (Ids{64, 128009, 65}));
  const Ids plain = llama3().encode(text, Specials::as_text);
  EXPECT_GT(plain.size(), 3u);
  for (const TokenId id : plain) EXPECT_FALSE(llama3().is_special(id));
  EXPECT_EQ(llama3().decode(plain), text);
  for (const TokenId id : smollm2().encode("<|im_end|>", Specials::as_text))
    EXPECT_FALSE(smollm2().is_special(id));
  EXPECT_EQ(smollm2().encode("<|im_end|><|im_end|>", Specials::parse), (Ids{2, 2}));
  // Nearly a special token is text even where specials are parsed.
  for (const char* text_alike : {"<|eot_id|", "<| eot_id |>", "<|EOT_ID|>", "|eot_id|>", "<|"})
    for (const TokenId id : llama3().encode(text_alike, Specials::parse))
      EXPECT_FALSE(llama3().is_special(id)) << text_alike;
}

TEST(Tokenizer, find_special_walks_through_the_text) {
  const std::string text = "x<|im_start|>y<|im_end|>";
  const auto first = smollm2().find_special(text);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->at, 1u);
  EXPECT_EQ(first->length, 12u);
  EXPECT_EQ(first->id, 1);
  EXPECT_EQ(smollm2().find_special(text, 2)->id, 2);
  EXPECT_FALSE(smollm2().find_special(text, 15));
  EXPECT_FALSE(smollm2().find_special(text, 1000));
}

TEST(Tokenizer, decode_keeps_or_skips_special_tokens) {
  const Ids ids = llama3().encode("<|begin_of_text|>hi<|eot_id|>", Specials::parse);
  EXPECT_EQ(llama3().decode(ids), "<|begin_of_text|>hi<|eot_id|>");
  EXPECT_EQ(llama3().decode(ids, SpecialsShown::skip), "hi");
  EXPECT_EQ(llama3().token_bytes(128000), "<|begin_of_text|>");
  EXPECT_SAYS(error_of([] { llama3().decode(Ids{128256}); }), "128256, expected 0 to 128255");
  EXPECT_SAYS(error_of([] { llama3().decode(Ids{-1}); }), "token id -1");
}

TEST(SmolLm2, splits_every_digit) {
  const Ids ids = smollm2().encode("12 345", Specials::as_text);
  ASSERT_EQ(ids.size(), 6u);  // 1 2 space 3 4 5
  EXPECT_EQ(smollm2().token_bytes(ids[2]), " ");
  // Numbers outside ASCII as well: an Arabic-Indic digit is not merged with its neighbour.
  const std::string two = "\xd9\xa3\xd9\xa4";
  Ids apart = smollm2().encode(two.substr(0, 2), Specials::as_text);
  const Ids second = smollm2().encode(two.substr(2), Specials::as_text);
  apart.insert(apart.end(), second.begin(), second.end());
  EXPECT_EQ(smollm2().encode(two, Specials::as_text), apart);
}

TEST(SmolLm2, has_the_ggufs_special_tokens) {
  EXPECT_EQ(smollm2().vocab_size(), 49152u);
  EXPECT_EQ(smollm2().bos(), 1);
  EXPECT_EQ(smollm2().eos(), Ids{2});
  EXPECT_EQ(smollm2().vocabulary().pad, 2);
  EXPECT_EQ(smollm2().vocabulary().unk, 0);
  EXPECT_EQ(smollm2().vocabulary().added.size(), 17u);
}

// Its vocabulary has no token for 21 of the 256 bytes.
TEST(SmolLm2, drops_bytes_that_it_has_no_token_for) {
  EXPECT_EQ(smollm2().decode(smollm2().encode("x\x04y", Specials::as_text)), "xy");
  EXPECT_EQ(smollm2().encode("\x04", Specials::as_text), Ids{});
  EXPECT_EQ(smollm2().decode(smollm2().encode("x\x05y", Specials::as_text)), "x\x05y");
}

TEST(Tokenizer, threads_get_the_same_ids) {
  const std::string text = read_text(std::string(TRADEOFF_SOURCE_DIR) + "/tests/text/odd_text.py");
  const Ids expected = llama3().encode(text, Specials::parse);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) wrong[t] += llama3().encode(text, Specials::parse) != expected;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(Tokenizer, content_hash_names_what_decides_ids) {
  EXPECT_EQ(smollm2().content_hash(), load_tokenizer(TRADEOFF_SMOLLM2_GGUF).content_hash());
  Vocabulary changed = smollm2().vocabulary();
  changed.chat_template = "";
  EXPECT_EQ(Tokenizer(changed).content_hash(), smollm2().content_hash());
  changed.pre_tokenizer = PreTokenizer::gpt2;
  EXPECT_NE(Tokenizer(changed).content_hash(), smollm2().content_hash());
}

TEST_F(TextFiles, a_written_folder_encodes_like_its_source) {
  const std::string text =
      read_text(std::string(TRADEOFF_SOURCE_DIR) + "/jobs/data/spider/dev_gold.sql") +
      "<|im_end|><|eot_id|>";
  for (const Tokenizer* source : {&llama3(), &smollm2()}) {
    write_hf_tokenizer(source->vocabulary(), folder);
    const Tokenizer read = load_tokenizer(folder);
    EXPECT_EQ(read.encode(text, Specials::parse), source->encode(text, Specials::parse));
    EXPECT_EQ(read.decode(read.encode(text, Specials::parse)), text);
    EXPECT_EQ(read.vocab_size(), source->vocab_size());
    EXPECT_EQ(read.bos(), source->bos());
    EXPECT_EQ(read.eos().front(), source->eos().front());
    EXPECT_EQ(read.vocabulary().pad, source->vocabulary().pad);
    EXPECT_EQ(read.vocabulary().unk, source->vocabulary().unk);
    EXPECT_EQ(read.vocabulary().chat_template, source->vocabulary().chat_template);
  }
}

TEST_F(TextFiles, tokenize_file_keeps_the_order_and_adds_nothing) {
  const auto input = file("in.jsonl", "{\"text\":\"a<|eot_id|>\"}\n\n{\"text\":\"\",\"more\":1}\n");
  const auto lines = [&](Specials specials) {
    tokenize_file({TRADEOFF_LLAMA3_RANKS, input, folder / "out.jsonl", specials});
    return read_text(folder / "out.jsonl");
  };
  EXPECT_EQ(lines(Specials::parse), "{\"ids\":[64,128009]}\n{\"ids\":[]}\n");
  EXPECT_EQ(lines(Specials::as_text), "{\"ids\":[64,27,91,68,354,851,91,29]}\n{\"ids\":[]}\n");
}

TEST_F(TextFiles, tokenize_file_names_the_line_and_leaves_no_output) {
  const auto said = [&](const std::string& text) {
    const auto input = file("in.jsonl", text);
    return error_of([&] {
      tokenize_file({TRADEOFF_SMOLLM2_GGUF, input, folder / "out.jsonl", {}});
    });
  };
  EXPECT_SAYS(said("{\"text\":\"a\"}\n{\"txt\":\"b\"}\n"), "in.jsonl:2: missing key \"text\"");
  EXPECT_SAYS(said("{\"text\":3}\n"), "in.jsonl:1: key \"text\": found 3, expected a string");
  EXPECT_SAYS(said("{\"text\":\"\xff\"}\n"), "in.jsonl:1:");
  EXPECT_SAYS(said("\n"), "no texts");
  EXPECT_FALSE(std::filesystem::exists(folder / "out.jsonl"));
}

}  // namespace
}  // namespace tradeoff::text
