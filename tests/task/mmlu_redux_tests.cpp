#include <map>

#include "task_items.hpp"

namespace tradeoff::task {
namespace {

struct MmluRedux : TaskFiles {
  // A folder with one subject, whose file is `text`.
  Questions one(const std::string& text) {
    file("redux/mmlu_virology.csv", text);
    return questions_of("mmlu_redux", {.data = folder / "redux", .original = kData / "mmlu"},
                        {.groups = {"other"}});
  }
};

TEST_F(MmluRedux, error_types_are_normalised_and_keys_corrected) {
  const auto items = items_of(questions_of("mmlu_redux", data_of("mmlu_redux", "mmlu"),
                                           {.groups = find_task("mmlu_redux")->groups}),
                              {});
  ASSERT_EQ(items.size(), 5700u);
  std::map<std::string, int> errors, corrected;
  for (const Item& item : items) {
    ++errors[item.label];
    corrected[item.label] += item.corrected.empty() ? 0 : 1;
    if (item.label == "ok") {
      ASSERT_EQ(item.corrected, std::vector{item.answer});
    }
  }
  // Counted with Python's csv over the same files.
  const std::map<std::string, int> expected = {{"ok", 5330},
                                               {"bad_question_clarity", 132},
                                               {"wrong_groundtruth", 107},
                                               {"no_correct_answer", 35},
                                               {"bad_options_clarity", 25},
                                               {"multiple_correct_answers", 39},
                                               {"expert", 32}};
  EXPECT_EQ(errors, expected);
  EXPECT_EQ(corrected["ok"], 5330);
  EXPECT_EQ(corrected["wrong_groundtruth"], 102);  // five name no key
  EXPECT_EQ(corrected["no_correct_answer"], 0);
  EXPECT_EQ(corrected["expert"], 0);
  EXPECT_EQ(corrected["multiple_correct_answers"], 29);
}

TEST_F(MmluRedux, a_file_may_be_split_by_semicolons_and_list_its_choices_as_python_prints_them) {
  const auto items = items_of(
      one("\xEF\xBB\xBFquestion;choices;answer;error_type;source;correct_answer;potential_reason\n"
          "Who\xD5s it?;['a, b', \"c's\", 'd\\xe9\\n', '\\\\e'];3; Wrong_Groundtruth ;;1;\n"
          "And?;[\"1\",\"2\",\"3\",\"4\"];0;Multiple Correct Answers;;(0, 2);\n"
          "Or?;['1', '2', '3', '4'];0;multiple correct answers;;3;\n"),
      {});
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[0].question, "Who\xE2\x80\x99s it?");
  EXPECT_EQ(items[0].choice_texts, (std::vector<std::string>{"a, b", "c's", "d\xC3\xA9\n", "\\e"}));
  EXPECT_EQ(items[0].answer, "D");
  EXPECT_EQ(items[0].corrected, std::vector<std::string>{"B"});
  EXPECT_EQ(items[1].corrected, (std::vector<std::string>{"A", "C"}));
  EXPECT_EQ(items[2].corrected, (std::vector<std::string>{"A", "D"}));
}

TEST_F(MmluRedux, what_is_not_understood_is_named) {
  const std::string head = "question,choices,answer,error_type,correct_answer\n";
  const auto expect = [&](const std::string& text, const std::string& part) {
    const std::string message = message_of([&] { one(text); });
    EXPECT_NE(message.find("mmlu_virology.csv"), message.npos) << message;
    EXPECT_NE(message.find(part), message.npos) << message;
  };
  const std::string list = "\"['1', '2', '3', '4']\"";
  expect(head + "Q," + list + ",0,dubious,\n", "row 2: found the error type \"dubious\"");
  expect(head + "Q," + list + ",4,ok,\n", "found the answer \"4\", expected 0 to 3");
  expect(head + "Q,\"['1', '2']\",0,ok,\n", "found 2 choices, expected 4");
  expect(head + "Q,\"['1', '2\",0,ok,\n", "never closed");
  expect(head + "Q," + list + ",0,ok\n", "found 4 fields, expected 5");
  expect("question,choices,answer,error_type\n", "no column \"correct_answer\"");
  expect(head, "found no rows");
  expect(head + "Q\xFF," + list + ",0,ok,\n", "is not UTF-8");
}

}  // namespace
}  // namespace tradeoff::task
