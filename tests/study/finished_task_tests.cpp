// How a task that is answered becomes tables of predictions.h5.
#include "finished_task.hpp"

#include <gtest/gtest.h>

#include "known_questions.hpp"
#include "tradeoff/results/prompt_table.hpp"

namespace tradeoff::study {
namespace {

// Two questions; `samples` answers to each, drawn where there are several.
struct Answered : testing::Test {
  std::vector<task::Item> items = std::vector<task::Item>(2);
  std::vector<store::Prediction> rows;
  PredictionPlan plan;
  store::Predictions predictions;
  const store::RunKey key = {"base", 3, "spider"};

  void answer(store::Form form, std::int64_t samples, const std::vector<std::string>& texts) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      items[i].id = i;
      items[i].prompt = "Question " + std::to_string(i);
      items[i].choices = {" A", " B"};
      items[i].answer = "B";
    }
    plan.form = form;
    plan.items = items;
    if (samples > 1)
      plan.decoding.sampling = {.rule = {.temperature = 0.5, .samples = samples}, .sample_seed = 9};
    for (std::size_t i = 0; i < texts.size(); ++i) {
      store::Prediction& row = rows.emplace_back();
      row.id = i / static_cast<std::size_t>(samples);
      row.answer = store::WrittenAnswer{texts[i], {1}, store::Finish::stop, texts[i], {}};
      if (samples > 1) row.sample = static_cast<std::int64_t>(i) % samples;
    }
  }
};

TEST_F(Answered, letters_are_judged_and_their_prompts_kept_once) {
  answer(store::Form::letter, 1, {"B", "A"});
  store_task(key, {plan, rows}, predictions);
  store_task({"tuned", 3, "spider"}, {plan, rows}, predictions);
  const store::Run& run = predictions.runs.at(key);
  EXPECT_EQ(run.rows.at<store::Flags>("correct"), (store::Flags{1, 0}));
  EXPECT_FALSE(run.sampled());
  EXPECT_FALSE(run.attributes.contains("computed_once"));
  const std::string prompts = task::prompts_sha256(items);
  EXPECT_EQ(std::get<std::string>(run.attributes.at("prompts_sha256")), prompts);
  ASSERT_EQ(predictions.summary.size(), 1u);
  EXPECT_EQ(results::prompts_of(predictions.summary.at(results::prompt_table_name(prompts))),
            (std::vector<std::string>{"Question 0", "Question 1"}));
}

TEST_F(Answered, queries_keep_their_judgements_sample_by_sample) {
  answer(store::Form::sql, 2, {"a", "b", "c", "d"});
  std::vector<store::Judgement> judged;
  for (const char* outcome : {"equal", "other", "sql_error", "timeout"}) {
    store::SqlJudgement judgement;
    judgement.outcome = outcome;
    judged.emplace_back(judgement);
  }
  store_task(key, {plan, rows, judged}, predictions);
  const store::Run& run = predictions.runs.at(key);
  ASSERT_EQ(run.samples(), 2u);
  EXPECT_EQ(run.sample(0).at<store::Strings>("outcome"), (store::Strings{"equal", "sql_error"}));
  EXPECT_EQ(run.sample(1).at<store::Strings>("outcome"), (store::Strings{"other", "timeout"}));
  EXPECT_EQ(run.sample(1).at<store::Strings>("text"), (store::Strings{"b", "d"}));
  EXPECT_EQ(std::get<double>(run.attributes.at("temperature")), 0.5);
  EXPECT_EQ(std::get<std::int64_t>(run.attributes.at("sample_seed")), 9);
}

TEST_F(Answered, a_run_that_no_seed_reaches_says_so) {
  answer(store::Form::letter, 1, {"B", "B"});
  store_task(key, {.plan = plan, .rows = rows, .reached_by_seed = false}, predictions);
  EXPECT_TRUE(predictions.runs.at(key).attributes.contains("computed_once"));
}

TEST_F(Answered, questions_of_choices_are_known_by_their_letters) {
  answer(store::Form::letter, 1, {});
  items[1].answer = "A";
  const KnownQuestions known = choice_questions(items, "");
  EXPECT_EQ(known.items.at<store::Strings>("answer"), (store::Strings{"B", "A"}));
  ASSERT_EQ(known.floors.size(), 3u);
  EXPECT_EQ(known.floors[0].name, "majority_letter");
  EXPECT_EQ(known.floors[0].right, 1u);
}

TEST(VersionsOf, tell_how_letters_are_read_only_where_some_are_written) {
  StudyOptions options;
  StudyTask asked;
  asked.task = task::plain_task("quiz", task::Kind::choice);
  asked.task.prompt_version = 4;
  options.known["quiz"] = asked;
  options.tasks = {"quiz"};
  EXPECT_EQ(versions_of(options).at("quiz_prompt"), "4");
  EXPECT_FALSE(versions_of(options).contains("letter_extraction"));
  options.known["quiz"].task.answer = task::Answer::letter;
  EXPECT_TRUE(versions_of(options).contains("letter_extraction"));
}

}  // namespace
}  // namespace tradeoff::study
