// What a report says of runs: failed ones, error in parts, sequences, the posterior.
#include <cmath>
#include <limits>

#include "analysis/words.hpp"
#include "fixture.hpp"
#include "tradeoff/report/analysis/pilot.hpp"
#include "tradeoff/report/files/result_file.hpp"
#include "tradeoff/report/page/tables.hpp"
#include "tradeoff/stats/sequence.hpp"

namespace tradeoff::report {
namespace {

class Runs : public ReportTest {
 protected:
  Study study_of(const SyntheticOptions& options,
                 const std::function<void(store::Predictions&)>& change = {}) {
    const std::filesystem::path files[] = {file("study", options, change)};
    return read_study(files);
  }
  static std::string told(const Analysis& analysis) {
    std::string text;
    for (const std::string& line : headline(analysis)) text += line + "\n";
    return text;
  }
};

// Every Spider answer of one run wrong.
void fail_run(store::Predictions& study, const std::string& arm, std::uint64_t seed) {
  store::Table rows;
  for (const auto& [name, column] : study.runs.at({arm, seed, "spider"}).rows.columns()) {
    store::Column copy = column;
    if (name == "exec") {
      for (auto& flag : std::get<store::Flags>(copy)) flag = 0;
    }
    rows.add(name, copy);
  }
  study.runs.at({arm, seed, "spider"}).rows = rows;
}

void set_losses(store::Predictions& study, const std::string& arm, std::uint64_t seed,
                const std::function<double(std::size_t, double)>& loss) {
  store::Table curve;
  for (const auto& [name, column] : study.training.at({arm, seed}).columns()) {
    store::Column copy = column;
    if (name == "loss") {
      auto& values = std::get<store::Doubles>(copy);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = loss(i, values[i]);
    }
    curve.add(name, copy);
  }
  study.training.at({arm, seed}) = curve;
}

TEST_F(Runs, that_did_not_fail_are_counted_with_what_they_still_allow) {
  const Study study = study_of(small_study());
  const Analysis analysis = analyse(study);
  EXPECT_TRUE(analysis.pairs_without_failed.empty());
  ASSERT_EQ(analysis.runs.size(), 3u);
  EXPECT_EQ(told(analysis).find("failed"), std::string::npos);
  const Json json = report_json(study, analysis).at("failed_runs");
  EXPECT_EQ(json.at("arms").at("qlora-50").at("runs"), 3);
  EXPECT_TRUE(json.at("arms").at("qlora-50").at("failed").empty());
  // 1 - 0.05^(1/3): what no failure in three runs still allows.
  EXPECT_NEAR(json.at("arms").at("qlora-50").at("upper_limit").get<double>(), 0.6316, 1e-4);
  EXPECT_NE(markdown(study, analysis).find("63.2 %"), std::string::npos);
}

TEST_F(Runs, that_failed_are_named_and_never_dropped) {
  const Study whole = study_of(small_study());
  const Study study = study_of(small_study(), [](store::Predictions& s) {
    fail_run(s, "qlora-200", 2);
    set_losses(s, "qlora-50", 3, [](std::size_t i, double) { return i == 4 ? NAN : 1.0; });
    set_losses(s, "qlora-50", 1, [](std::size_t i, double) { return i < 10 ? 1.0 : 9.0; });
  });
  const Analysis analysis = analyse(study);
  const std::string text = told(analysis);
  EXPECT_NE(text.find("1 of 3 runs of qlora-200 failed: seed 2 (Spider: 0.0 %, the median of the "
                      "arm's other runs is"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("2 of 3 runs of qlora-50 failed: seed 1 (training: loss ends at 9, its start "
                      "was 1), seed 3 (training: loss nan at step 5)"),
            std::string::npos)
      << text;
  // The main figures hold the failed run; those beside do not, and are what the good seeds give.
  EXPECT_EQ(analysis.pair_of("base", "qlora-200", "spider")->seeds, 3u);
  const stats::PairSummary* without = nullptr;
  for (const stats::PairSummary& pair : analysis.pairs_without_failed)
    if (pair.a == "base" && pair.b == "qlora-200" && pair.task == "spider") without = &pair;
  ASSERT_NE(without, nullptr);
  EXPECT_EQ(without->seeds, 2u);
  const Analysis before = analyse(whole);
  const auto& by_seed = before.pair_of("base", "qlora-200", "spider")->by_seed;
  EXPECT_NEAR(*without->delta.mean, (by_seed[0].delta + by_seed[2].delta) / 2, 1e-12);
  const Json json = report_json(study, analysis).at("failed_runs");
  EXPECT_EQ(json.at("arms").at("qlora-50").at("failed").size(), 2u);
  // qlora-50 keeps seed 2 and qlora-200 seeds 1 and 3: these two have no pair left.
  EXPECT_EQ(json.at("pairs_without").size(), 4u);
  EXPECT_NE(markdown(study, analysis).find("With and without the failed runs"), std::string::npos);
}

TEST_F(Runs, that_all_failed_leave_nothing_beside) {
  const Study study = study_of(small_study(), [](store::Predictions& s) {
    for (const std::uint64_t seed : {1, 2, 3})
      set_losses(s, "qlora-50", seed,
                 [](std::size_t, double) { return std::numeric_limits<double>::infinity(); });
  });
  const Analysis analysis = analyse(study);
  EXPECT_NE(told(analysis).find("Without them nothing is left to compare with base"),
            std::string::npos)
      << told(analysis);
  EXPECT_EQ(analysis.summary.pairs.size(), 6u);
  EXPECT_EQ(analysis.pairs_without_failed.size(), 2u);
  EXPECT_NE(markdown(study, analysis).find("nothing left"), std::string::npos);
}

TEST_F(Runs, tables_say_what_halves_an_error_and_where_more_seeds_lead) {
  const Study study = study_of(small_study());
  const Analysis analysis = analyse(study);
  const std::string text = markdown(study, analysis);
  for (const char* title :
       {"Where the error of a difference lies", "Adding seeds until it is clear",
        "The trade-off as a posterior", "Runs that failed"})
    EXPECT_NE(text.find(title), std::string::npos) << title;
  EXPECT_EQ(text.find("With and without"), std::string::npos);
  const Json json = report_json(study, analysis);
  for (const Json& pair : json.at("pairs")) {
    EXPECT_TRUE(pair.at("variance").at("sampling").is_null());
    const Json& sequence = pair.at("sequence");
    // Whoever may look as often as he likes pays with width.
    EXPECT_LE(sequence.at("ci95")[0], pair.at("ci95")[0]);
    EXPECT_GE(sequence.at("ci95")[1], pair.at("ci95")[1]);
    EXPECT_FALSE(pair.at("halving").is_null());
  }
  for (const Json& row : json.at("tradeoff")) {
    double last = 1;
    for (const Json& chance : row.at("posterior").at("chances")) {
      if (chance.at("loss_below") != 0.01) continue;
      EXPECT_LE(chance.at("p").get<double>(), last) << "a larger gain is no likelier";
      last = chance.at("p").get<double>();
    }
    EXPECT_LT(last, 1);
  }
}

TEST_F(Runs, of_one_seed_have_no_sequence) {
  SyntheticOptions options = small_study();
  options.seeds = {1};
  const Study study = study_of(options);
  const Json json = report_json(study, analyse(study));
  for (const Json& pair : json.at("pairs")) {
    EXPECT_TRUE(pair.at("sequence").is_null());
    EXPECT_TRUE(pair.at("halving").at("seeds").is_null());
  }
}

TEST_F(Runs, the_next_cells_follow_the_seeds_that_there_are) {
  const Analysis analysis = analyse(study_of(small_study()));
  const auto next = [&](const char* task, double half_width) {
    return stats::next_cells(*analysis.table_of("base", task), *analysis.table_of("qlora-50", task),
                             half_width);
  };
  const stats::NextCells wide = next("mmlu", 0.9);
  EXPECT_EQ(wide.seeds.needed, 3u);
  EXPECT_TRUE(wide.added.empty());
  const stats::NextCells out = next("spider", 0.001);
  ASSERT_TRUE(out.seeds.questions_alone);
  EXPECT_GT(*out.seeds.questions_alone, 0.001);
  EXPECT_FALSE(out.seeds.needed);
  EXPECT_NE(stats::to_text({&out, 1}).find("so add questions"), std::string::npos);
  const double near = *out.seeds.questions_alone + 0.02;
  const stats::NextCells some = next("spider", near);
  ASSERT_TRUE(some.seeds.needed);
  ASSERT_FALSE(some.added.empty());
  EXPECT_EQ(some.added.front(), 4u);
  EXPECT_EQ(some.added.size(), *some.seeds.needed - 3);
  EXPECT_EQ(some.arms, (std::vector<std::string>{"base", "qlora-50"}));
  // The base on MMLU is computed once: no seed of it is asked for.
  EXPECT_EQ(next("mmlu", 0.001).arms, std::vector<std::string>{"qlora-50"});
}

TEST_F(Runs, margins_that_files_state_are_tested_by_compare_and_plan) {
  const auto with = [&](const std::string& name, std::uint64_t seed, double margin) {
    SyntheticOptions options = small_study();
    options.seeds = {seed, seed + 1};
    return file(name, options, [margin](store::Predictions& s) {
      s.config["margin"] = {{"mmlu", margin}, {"spider", nullptr}};
    });
  };
  CompareOptions options;
  options.files = {with("one", 1, 0.01)};
  for (const stats::Comparison& one : compare_files(options)) {
    ASSERT_EQ(one.pair.noninferiority.has_value(), one.pair.task == "mmlu");
    if (one.pair.noninferiority) {
      EXPECT_EQ(one.pair.noninferiority->margin, 0.01);
    }
  }
  options.margin = stats::Margin{0.03};
  for (const stats::Comparison& one : compare_files(options))
    EXPECT_EQ(one.pair.noninferiority->margin, 0.03);
  options.margin.reset();
  options.files.push_back(with("two", 1, 0.02));
  options.a = "base";
  options.b = "qlora-50";
  const std::string message = error_of([&] { compare_files(options); });
  EXPECT_NE(message.find("one.h5 states 1 points"), std::string::npos) << message;
  EXPECT_NE(message.find("two.h5 states 2 points; --margin chooses"), std::string::npos) << message;

  const std::filesystem::path files[] = {options.files[0]};
  const Study study = read_study(files);
  const Analysis analysis = analyse(study);
  const auto planned = [&](const char* task, const std::vector<std::string>& stated) {
    return plan_of_pilot({}, stated, study, *analysis.table_of("base", task),
                         *analysis.table_of("qlora-50", task));
  };
  EXPECT_EQ(planned("mmlu", {}).margin->fraction, 0.01);
  EXPECT_FALSE(planned("spider", {}).margin);
  EXPECT_FALSE(planned("mmlu", {"margin"}).margin);
}

TEST_F(Runs, a_margin_out_of_range_in_a_file_is_refused_by_name) {
  const Study study = study_of(small_study(), [](store::Predictions& s) {
    s.config["margin"] = {{"mmlu", 1.5}};
  });
  const std::string message = error_of([&] { analyse(study); });
  EXPECT_NE(message.find("margin.mmlu = 1.5, expected a fraction"), std::string::npos) << message;
}

TEST_F(Runs, floors_say_what_judged_them) {
  SyntheticOptions options = small_study();
  const Study study =
      study_of(options, [](store::Predictions& s) { s.config["study"]["primary"] = "set"; });
  EXPECT_NE(markdown(study, analyse(study)).find("judged by exec, not by set"), std::string::npos);
  EXPECT_EQ(markdown(study_of(options), analyse(study_of(options))).find("judged by exec, not"),
            std::string::npos);
}

}  // namespace
}  // namespace tradeoff::report
