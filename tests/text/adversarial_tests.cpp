#include <gtest/gtest.h>

#include <map>

#include "fixtures.hpp"
#include "tradeoff/base/seed.hpp"

namespace tradeoff::text {
namespace {

using Ids = std::vector<TokenId>;

void expect_round_trip(const std::string& text) {
  for (const Specials specials : {Specials::as_text, Specials::parse})
    ASSERT_EQ(llama3().decode(llama3().encode(text, specials)), text);
  smollm2().encode(text, Specials::parse);  // lacks some bytes, but must come back
}

std::string repeated(std::string_view part, std::size_t size) {
  std::string text;
  while (text.size() < size) text += part;
  return text;
}

// A splitter or a merge that is not near linear takes hours here; ctest's limit is two minutes.
TEST(Adversarial, a_megabyte_of_one_letter_or_space_takes_no_time) {
  for (const char* part : {"a", " "}) {
    const std::string text = repeated(part, 1 << 20);
    EXPECT_EQ(llama3().decode(llama3().encode(text, Specials::as_text)), text);
    EXPECT_EQ(smollm2().decode(smollm2().encode(text, Specials::as_text)), text);
  }
}

TEST(Adversarial, long_runs_take_no_time) {
  for (const char* part :
       {"\n", " \n", "\r\n", "<", "<|", "'", "'s", "1", "\t", "\xff", "\xe2\x80\xa8", "\xcc\x81",
        "\xf0\x9f\x91\xa8\xe2\x80\x8d", "ab", "\xc2\x85", "!", " !"})
    expect_round_trip(repeated(part, 1 << 15));
}

TEST(Adversarial, odd_characters_come_back) {
  for (const std::string& text :
       {std::string("a\0b\0", 4), std::string("\r\n\r\n x\r"),
        std::string("e\xcc\x81 \xc2\x85 \xc2\xa0"),
        std::string("\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9 \xef\xb8\x8f\xef\xbb\xbf"),
        std::string("\xe2\x80\xa8\xe3\x80\x80\xf4\x8f\xbf\xbf\xee\x80\x80")})
    expect_round_trip(text);
}

TEST(Adversarial, bytes_that_are_not_utf8_come_back) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  expect_round_trip(all);
  // Lone and missing continuation bytes, overlong forms, surrogates, beyond U+10FFFF, cut at the
  // end.
  for (const char* text : {"\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                           "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xe2\x82", "\xf0\x9f\x98",
                           "a\xffz 12\xfe\xfe\n\xfd", " \xe2\x82 x"})
    expect_round_trip(text);
  SeedStream draws(7, "bytes");
  for (int i = 0; i < 2000; ++i) {
    std::string text(draws.below(40), '\0');
    for (char& c : text) c = static_cast<char>(draws.below(256));
    expect_round_trip(text);
  }
}

// The contract of encode: such a byte is a symbol, so it neither joins a word nor ends like a
// space.
TEST(Adversarial, a_byte_that_is_not_utf8_is_a_symbol) {
  const auto ids = [](std::string_view text) { return llama3().encode(text, Specials::as_text); };
  Ids expected = ids("hello");
  const TokenId byte = ids("\xff").at(0);
  EXPECT_EQ(llama3().token_bytes(byte), "\xff");
  expected.push_back(byte);
  for (const TokenId id : ids("12")) expected.push_back(id);
  EXPECT_EQ(ids("hello\xff"
                "12"),
            expected);
}

// Byte-pair merging as it is defined: find the lowest rank, merge its leftmost pair, begin again.
Ids merge_by_definition(const Vocabulary& vocabulary, Ids ids) {
  static const std::map<std::pair<TokenId, TokenId>, std::pair<std::size_t, TokenId>> ranks = [&] {
    std::map<std::pair<TokenId, TokenId>, std::pair<std::size_t, TokenId>> all;
    for (const Merge& merge : *vocabulary.merges)
      all[{merge.left, merge.right}] = {all.size(), merge.merged};
    return all;
  }();
  while (true) {
    std::size_t best_rank = ranks.size(), best = 0;
    TokenId merged = -1;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i)
      if (const auto found = ranks.find({ids[i], ids[i + 1]});
          found != ranks.end() && found->second.first < best_rank) {
        best_rank = found->second.first;
        best = i;
        merged = found->second.second;
      }
    if (merged < 0) return ids;
    ids[best] = merged;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(Adversarial, short_and_long_pieces_merge_by_definition) {
  const Vocabulary& vocabulary = smollm2().vocabulary();
  std::map<std::string, TokenId> single;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id)
    if (vocabulary.tokens[id].size() == 1) single[vocabulary.tokens[id]] = static_cast<TokenId>(id);
  SeedStream draws(11, "pieces");
  int merged_pieces = 0;
  for (int i = 0; i < 400; ++i) {
    // One piece: letters alone, of an alphabet that is small now and then so that merges repeat.
    const std::uint64_t alphabet = draws.below(2) ? 2 : 26;
    std::string piece(1 + draws.below(draws.below(4) ? 60 : 300), ' ');
    for (char& c : piece) c = static_cast<char>('a' + draws.below(alphabet));
    Ids ids;
    for (const char c : piece) ids.push_back(single.at(std::string(1, c)));
    const Ids expected = merge_by_definition(vocabulary, ids);
    merged_pieces += expected.size() < ids.size();
    ASSERT_EQ(smollm2().encode(piece, Specials::as_text), expected) << piece;
    ASSERT_EQ(smollm2().encode(piece, Specials::as_text), expected) << "from the memo: " << piece;
  }
  EXPECT_GT(merged_pieces, 300);
}

}  // namespace
}  // namespace tradeoff::text
