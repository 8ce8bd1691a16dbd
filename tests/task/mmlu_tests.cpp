#include <cmath>
#include <set>

#include "fixture.hpp"
#include "tradeoff/task/choice_score.hpp"
#include "tradeoff/task/mmlu.hpp"

namespace tradeoff::task {
namespace {

struct MmluFolder : TaskFiles {
  void SetUp() override {
    TaskFiles::SetUp();
    file("dev/anatomy_dev.csv", "q,1,2,3,4,A\n");
    file("test/anatomy_test.csv", "\"two\nlines\",1,2,3,4,B\nq2,1,2,3,4,C\n");
  }
  void expect_error(const std::string& part) const {
    const std::string message = message_of([&] { load_mmlu(folder); });
    EXPECT_NE(message.find(part), message.npos) << message;
  }
};

std::map<std::string, std::size_t> sizes_of(const Mmlu& mmlu,
                                            const std::vector<MmluPlace>& places) {
  std::map<std::string, std::size_t> sizes;
  for (const MmluPlace& place : places) sizes[mmlu.subjects[place.subject].group] += 1;
  return sizes;
}

using Sizes = std::map<std::string, std::size_t>;

TEST(MmluData, the_release_has_57_subjects_in_four_groups) {
  const Mmlu mmlu = load_mmlu(kData / "mmlu");
  Sizes subjects, questions;
  std::size_t dev = 0;
  for (const MmluSubject& subject : mmlu.subjects) {
    subjects[subject.group] += 1;
    questions[subject.group] += subject.test.size();
    dev += subject.dev.size();
  }
  EXPECT_EQ(subjects,
            (Sizes{{"stem", 19}, {"humanities", 13}, {"social_sciences", 12}, {"other", 13}}));
  // As lm-evaluation-harness prints them.
  EXPECT_EQ(
      questions,
      (Sizes{{"stem", 3153}, {"humanities", 4705}, {"social_sciences", 3077}, {"other", 3107}}));
  EXPECT_EQ(dev, 285u);
}

TEST(MmluDraw, the_default_is_50_of_each_of_the_origins_groups) {
  const Mmlu mmlu = load_mmlu(kData / "mmlu");
  const auto key = [](const MmluPlace& place) { return std::pair(place.subject, place.question); };
  const auto keys = [&](const std::vector<MmluPlace>& places) {
    std::set<std::pair<std::size_t, std::size_t>> set;
    for (const MmluPlace& place : places) set.insert(key(place));
    return set;
  };
  const auto places = draw_mmlu(mmlu, {});
  EXPECT_EQ(places.size(), 150u);
  EXPECT_EQ(sizes_of(mmlu, places),
            (Sizes{{"stem", 50}, {"humanities", 50}, {"social_sciences", 50}}));
  EXPECT_EQ(keys(places).size(), 150u) << "a question is drawn twice";
  EXPECT_TRUE(std::is_sorted(places.begin(), places.end(),
                             [&](const auto& a, const auto& b) { return key(a) < key(b); }));
  EXPECT_EQ(keys(draw_mmlu(mmlu, {})), keys(places));
  EXPECT_NE(keys(draw_mmlu(mmlu, {.data_seed = 1})), keys(places));

  const auto larger = keys(draw_mmlu(mmlu, {.questions = 300})), all = keys(places);
  EXPECT_TRUE(std::includes(larger.begin(), larger.end(), all.begin(), all.end()));
  // A limit is a smaller draw, still even over the groups.
  const auto limited = draw_mmlu(mmlu, {.limit = 30});
  EXPECT_EQ(sizes_of(mmlu, limited),
            (Sizes{{"stem", 10}, {"humanities", 10}, {"social_sciences", 10}}));
  const auto part = keys(limited);
  EXPECT_TRUE(std::includes(all.begin(), all.end(), part.begin(), part.end()));
  // Another group changes nothing in these.
  const auto four = draw_mmlu(
      mmlu, {.questions = 200, .groups = {"other", "stem", "humanities", "social_sciences"}});
  const auto with_other = keys(four);
  EXPECT_TRUE(std::includes(with_other.begin(), with_other.end(), all.begin(), all.end()));

  EXPECT_EQ(draw_mmlu(mmlu, {.questions = 0, .groups = {"other"}}).size(), 3107u);
  EXPECT_EQ(draw_mmlu(mmlu, {.questions = 0, .limit = 7}).size(), 7u);
}

TEST(MmluDraw, impossible_draws_are_errors) {
  const Mmlu mmlu = load_mmlu(kData / "mmlu");
  const auto error = [&](const MmluDraw& draw) {
    return message_of([&] { draw_mmlu(mmlu, draw); });
  };
  EXPECT_NE(error({.groups = {"stem", "maths"}}).find("MMLU group \"maths\", expected stem"),
            std::string::npos);
  EXPECT_NE(error({.groups = {"stem", "stem"}}).find("named twice"), std::string::npos);
  EXPECT_NE(error({.groups = {}}).find("no MMLU group"), std::string::npos);
  EXPECT_NE(error({.questions = 10000, .groups = {"stem", "other"}})
                .find("\"stem\" has 3153 questions, but its share of 10000 over 2 groups is 5000"),
            std::string::npos);
}

TEST_F(MmluFolder, a_folder_may_hold_a_part_of_the_subjects) {
  const Mmlu mmlu = load_mmlu(folder);
  ASSERT_EQ(mmlu.subjects.size(), 1u);
  EXPECT_EQ(mmlu.subjects[0].test[0].question, "two\nlines");
  EXPECT_EQ(mmlu.subjects[0].test[1].answer, 'C');
  EXPECT_EQ(mmlu.subjects[0].test[1].row, 1u);
}

TEST_F(MmluFolder, bad_files_are_named_with_row_found_and_expected) {
  file("test/anatomy_test.csv", "\"two\nlines\",1,2,3,4,B\nq2,1,2,3,C\n");
  expect_error(
      "anatomy_test.csv:3: row 2: found 5 fields, expected 6 (question, A, B, C, D, letter)");
  file("test/anatomy_test.csv", "q,1,2,3,4,E\n");
  expect_error("anatomy_test.csv:1: row 1: found the letter \"E\", expected A, B, C or D");
  file("test/anatomy_test.csv", "");
  expect_error("anatomy_test.csv: found no rows, expected questions");
  SetUp();
  std::filesystem::remove(folder / "dev/anatomy_dev.csv");
  expect_error("anatomy_dev.csv");
  SetUp();
  file("test/alchemy_test.csv", "q,1,2,3,4,A\n");
  file("dev/alchemy_dev.csv", "q,1,2,3,4,A\n");
  expect_error("alchemy_test.csv: \"alchemy\" is none of MMLU's 57 subjects");
  std::filesystem::remove_all(folder / "test");
  expect_error("test: no such folder");
  std::filesystem::create_directories(folder / "test");
  expect_error("found no file named <subject>_test.csv");
}

TEST(MmluScore, the_largest_log_probability_answers_and_the_first_of_equal_ones) {
  EXPECT_EQ(answer_letter(std::vector{-3.0, -1.0, -2.0, -4.0}), 'B');
  EXPECT_EQ(answer_letter(std::vector{-2.0, -1.0, -1.0, -1.0}), 'B');
  EXPECT_EQ(answer_letter(std::vector<double>{-INFINITY, -INFINITY, -INFINITY, -9.0}), 'D');
  EXPECT_NE(message_of([] {
              answer_letter(std::vector{-1.0, std::nan("")});
            }).find("choice B is NaN"),
            std::string::npos);
  EXPECT_NE(message_of([] { answer_letter({}); }), "(no error)");
}

TEST(MmluScore, counts_are_kept_by_group_and_subject) {
  const auto item = [](const char* group, const char* subject, const char* answer) {
    Item it;
    it.group = group;
    it.subject = subject;
    it.answer = answer;
    return it;
  };
  const std::vector<Item> items = {item("stem", "anatomy", "A"), item("stem", "astronomy", "B"),
                                   item("other", "virology", "C"), item("stem", "anatomy", "D")};
  const ChoiceTally tally = tally_choices(items, std::vector{'A', 'C', 'C', '\0'});
  EXPECT_EQ(tally.all, (Counts{2, 4}));
  EXPECT_EQ(tally.groups.at("stem"), (Counts{1, 3}));
  EXPECT_EQ(tally.groups.at("other"), (Counts{1, 1}));
  EXPECT_EQ(tally.subjects.at("anatomy"), (Counts{1, 2}));
  EXPECT_EQ(tally_choices({}, {}).all, (Counts{0, 0}));
  EXPECT_NE(
      message_of([&] { tally_choices(items, std::vector{'A'}); }).find("4 items, but 1 answers"),
      std::string::npos);
}

}  // namespace
}  // namespace tradeoff::task
