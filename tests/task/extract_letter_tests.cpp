// The letter of a written answer, rule by rule.
#include <gtest/gtest.h>

#include <string>

#include "tradeoff/task/extract_letter.hpp"

namespace tradeoff::task {
namespace {

using Found = ExtractedLetter::Found;
using Rule = ExtractedLetter::Rule;

struct LetterCase {
  const char* answer;
  char letter;
  Rule rule;
};

class Letters : public testing::TestWithParam<LetterCase> {};

TEST_P(Letters, are_found_by_the_rule_that_is_told) {
  const auto& [answer, letter, rule] = GetParam();
  const ExtractedLetter found = extract_letter(answer, 4);
  EXPECT_EQ(found.letter ? std::string(1, found.letter) : "none",
            letter ? std::string(1, letter) : "none")
      << answer;
  EXPECT_EQ(name_of(found.rule), name_of(rule)) << answer;
  EXPECT_EQ(found.found == Found::letter, letter != 0) << answer;
}

INSTANTIATE_TEST_SUITE_P(
    opening, Letters,
    testing::Values(LetterCase{" B", 'B', Rule::opening}, LetterCase{"b", 'B', Rule::opening},
                    LetterCase{"(c).", 'C', Rule::opening}, LetterCase{"**D**", 'D', Rule::opening},
                    LetterCase{"$A$", 'A', Rule::opening}, LetterCase{"A", 'A', Rule::opening},
                    LetterCase{"B. Paris", 'B', Rule::opening},
                    LetterCase{"(B) Paris", 'B', Rule::opening},
                    LetterCase{"A - Paris", 'A', Rule::opening},
                    LetterCase{"C: it is", 'C', Rule::opening},
                    // A base model goes on with a question of its own.
                    LetterCase{" B\n\nWhich of these?\nA. x\nB. y\nAnswer: D", 'B', Rule::opening},
                    LetterCase{"<think>Is it A? The answer is A.</think>\nC", 'C', Rule::opening},
                    LetterCase{"B<|im_end|>\nAnswer: C", 'B', Rule::opening}));

INSTANTIATE_TEST_SUITE_P(
    last_word, Letters,
    testing::Values(LetterCase{"The first is wrong: \\boxed{C}", 'C', Rule::last_word},
                    LetterCase{"First \\boxed{A}. No: <answer>(d)</answer>", 'D', Rule::last_word},
                    LetterCase{"The answer is A, so <answer>B</answer>", 'B', Rule::last_word}));

INSTANTIATE_TEST_SUITE_P(
    announced, Letters,
    testing::Values(
        LetterCase{"The correct answer is (C) Paris.", 'C', Rule::announced},
        LetterCase{"Answer: B", 'B', Rule::announced},
        LetterCase{"Answer - none. So the answer would be: **D**", 'D', Rule::announced},
        LetterCase{"I choose option B here", 'B', Rule::announced},
        LetterCase{"The answer is the option A. Sorry, the answer is B.", 'B', Rule::announced}));

INSTANTIATE_TEST_SUITE_P(only, Letters,
                         testing::Values(LetterCase{"Paris (B)", 'B', Rule::only},
                                         LetterCase{"It is Paris:\nC. Paris", 'C', Rule::only}));

INSTANTIATE_TEST_SUITE_P(none, Letters,
                         testing::Values(LetterCase{"A dog has four legs", 0, Rule::none},
                                         LetterCase{"Paris", 0, Rule::none},
                                         LetterCase{"E", 0, Rule::none},
                                         LetterCase{"I'd say Paris", 0, Rule::none},
                                         LetterCase{"Answer: Brussels", 0, Rule::none},
                                         LetterCase{"Either (A) or (B)", 0, Rule::none},
                                         LetterCase{"A's size", 0, Rule::none},
                                         LetterCase{"AB", 0, Rule::none}));

TEST(Letter, of_ten_choices_is_one_of_ten) {
  EXPECT_EQ(extract_letter("J", 10).letter, 'J');
  EXPECT_EQ(extract_letter("J", 9).found, Found::no_letter);
  EXPECT_EQ(extract_letter("C", 2).found, Found::no_letter);
}

TEST(Letter, of_nothing_is_told_from_none_in_a_text) {
  EXPECT_EQ(extract_letter("", 4).found, Found::empty_output);
  EXPECT_EQ(extract_letter(" \n<|im_end|>", 4).found, Found::empty_output);
  EXPECT_EQ(extract_letter("<think>It is B", 4).found, Found::no_letter);
  EXPECT_EQ(name_of(Found::no_letter), "no_letter");
}

}  // namespace
}  // namespace tradeoff::task
