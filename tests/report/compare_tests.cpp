#include "fixture.hpp"
#include "tradeoff/report/analysis/pilot.hpp"
#include "tradeoff/report/export/exports.hpp"
#include "tradeoff/report/files/result_file.hpp"

namespace tradeoff::report {
namespace {

class Compare : public ReportTest {
 protected:
  std::filesystem::path lines(const std::string& name, const std::vector<std::string>& rows) {
    const auto path = folder / name;
    std::ofstream file(path);
    for (const std::string& row : rows) file << row << "\n";
    return path;
  }
  // Rows as `score --out` writes them; one letter a row: right, wrong.
  std::filesystem::path score_rows(const std::string& name, const std::string& verdicts,
                                   std::size_t first = 0) {
    std::vector<std::string> rows;
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      rows.push_back(to_line({{"id", first + i},
                              {"db_id", (first + i) % 2 ? "pets" : "cars"},
                              {"exec", verdicts[i] == 'r'},
                              {"set", true},
                              {"outcome", "ok"}}));
    }
    return lines(name, rows);
  }
  CompareOptions options;
};

TEST_F(Compare, one_file_gives_every_pair_of_its_arms) {
  options.files = {file("study", small_study())};
  const auto found = compare_files(options);
  ASSERT_EQ(found.size(), 6u);
  const std::filesystem::path files[] = {options.files[0]};
  const Analysis analysis = analyse(read_study(files));
  for (const stats::Comparison& one : found) {
    const auto* pair = analysis.pair_of(one.pair.a, one.pair.b, one.pair.task);
    ASSERT_NE(pair, nullptr);
    EXPECT_EQ(*one.pair.delta.mean, *pair->delta.mean);
    EXPECT_EQ(*one.pair.holm_p, *pair->holm_p);
  }
}

TEST_F(Compare, a_margin_is_tested_where_one_is_stated) {
  options.files = {file("study", small_study())};
  for (const stats::Comparison& one : compare_files(options)) EXPECT_FALSE(one.pair.noninferiority);
  options.margin = stats::Margin{0.02};
  for (const stats::Comparison& one : compare_files(options)) {
    ASSERT_TRUE(one.pair.noninferiority);
    EXPECT_EQ(one.pair.noninferiority->margin, 0.02);
    EXPECT_NE(stats::to_text(one).find("loss below 2 points"), std::string::npos);
  }
  // The study's own margins, of the tasks that have one.
  const std::filesystem::path files[] = {file("margin", small_study(), [](store::Predictions& s) {
    s.config["margin"] = {{"mmlu", 0.01}, {"spider", nullptr}};
  })};
  for (const stats::PairSummary& pair : analyse(read_study(files)).summary.pairs)
    EXPECT_EQ(pair.noninferiority.has_value(), pair.task == "mmlu");
}

TEST_F(Compare, named_arms_and_metric) {
  options.files = {file("study", small_study())};
  options.a = "qlora-200";
  options.b = "base";
  options.task = "spider";
  options.metric = "soft_f1";
  const auto found = compare_files(options);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_LT(*found[0].pair.delta.mean, 0);
  options.metric = "bleu";
  const std::string message = error_of([&] { compare_files(options); });
  EXPECT_NE(message.find("no metric \"bleu\"; there are exec,"), std::string::npos) << message;
  options.metric.clear();
  options.a = "qlora-500";
  EXPECT_NE(error_of([&] { compare_files(options); }).find("base, qlora-50, qlora-200"),
            std::string::npos);
}

TEST_F(Compare, a_study_equals_its_own_samples) {
  const auto path = file("study", small_study());
  const std::filesystem::path files[] = {path};
  const Study study = read_study(files);
  export_lm_eval(folder / "lm-eval", study);
  options.files = {path, folder / "lm-eval" / "qlora-50_seed-2"};
  options.a = "base";
  const auto found = compare_files(options);
  ASSERT_EQ(found.size(), 2u);
  // The same as between the arms themselves at that seed.
  for (const stats::Comparison& one : found) {
    // SQL is written otherwise in two kinds of file; letters are not.
    EXPECT_EQ(one.pair.answer_change_rate.has_value(), one.pair.task == "mmlu");
    EXPECT_EQ(one.pair.items, one.pair.task == "spider" ? 60u : 57u);
  }
  options.a = "qlora-50";
  options.files = {path, folder / "lm-eval" / "qlora-50_seed-2"};
  options.task = "spider";
  SyntheticOptions one_seed = small_study();
  one_seed.seeds = {2};
  options.files[0] = file("seed-2", one_seed);
  EXPECT_EQ(compare_files(options)[0].pair.n01 + compare_files(options)[0].pair.n10, 0u);
}

TEST_F(Compare, rows_of_score) {
  options.files = {score_rows("a.jsonl", "rrrwwwrw"), score_rows("b.jsonl", "rrrrrwww")};
  const auto found = compare_files(options);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].pair.n01, 2u);
  EXPECT_EQ(found[0].pair.n10, 1u);
  EXPECT_NEAR(*found[0].pair.delta.mean, 1.0 / 8, 1e-12);
  EXPECT_NEAR(*found[0].pair.mcnemar_p, 1.0, 1e-12);
  options.metric = "set";
  EXPECT_EQ(compare_files(options)[0].pair.n01, 0u);
}

TEST_F(Compare, items_of_one_side_alone_are_refused_or_counted) {
  options.files = {score_rows("a.jsonl", "rrww"), score_rows("b.jsonl", "rrww", 1)};
  EXPECT_NE(error_of([&] { compare_files(options); }), "");
  options.common = true;
  const auto found = compare_files(options);
  EXPECT_EQ(found[0].pair.items, 3u);
  EXPECT_EQ(found[0].pair.dropped_items, 2u);
}

TEST_F(Compare, lm_eval_files_of_several_subjects_are_one_task) {
  for (const char* side : {"a", "b"}) {
    std::filesystem::create_directories(folder / side);
    for (const char* subject : {"anatomy", "virology"}) {
      std::ofstream file(folder / side / ("samples_mmlu_" + std::string(subject) + "_2026.jsonl"));
      for (int i = 0; i < 3; ++i) {
        file << to_line({{"doc_id", i},
                         {"doc", {{"question", "q" + std::to_string(i)}, {"subject", subject}}},
                         {"filtered_resps", {i}},
                         {"acc", side[0] == 'a' ? 1.0
                                 : i == 0       ? 0.0
                                                : 1.0}})
             << "\n";
      }
    }
  }
  options.files = {folder / "a", folder / "b"};
  const auto found = compare_files(options);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].pair.items, 6u);
  EXPECT_EQ(found[0].pair.clusters, 2u);
  EXPECT_EQ(found[0].pair.n10, 2u);
  EXPECT_EQ(*found[0].pair.answer_change_rate, 0.0);
}

TEST_F(Compare, foreign_files_are_refused_naming_the_line) {
  options.files = {lines("x.jsonl", {R"({"prediction": "SELECT 1"})"}),
                   score_rows("b.jsonl", "rw")};
  const std::string message = error_of([&] { compare_files(options); });
  EXPECT_NE(message.find("x.jsonl:1"), std::string::npos) << message;
  EXPECT_NE(message.find("tradeoff score"), std::string::npos) << message;
  options.files = {folder / "absent.h5", score_rows("b.jsonl", "rw")};
  EXPECT_NE(error_of([&] { compare_files(options); }).find("absent.h5"), std::string::npos);
}

TEST_F(Compare, a_pilot_gives_discordance_clusters_and_hours) {
  write_synthetic(folder / "pilot", small_study());
  const std::filesystem::path files[] = {folder / "pilot" / "predictions.h5"};
  const Study study = read_study(files);
  const Analysis analysis = analyse(study);
  stats::PlanOptions options_given;
  options_given.questions = 500;
  const auto planned =
      plan_of_pilot(options_given, {"questions"}, study, *analysis.table_of("base", "spider"),
                    *analysis.table_of("qlora-50", "spider"));
  EXPECT_EQ(planned.questions, 500u);
  EXPECT_EQ(planned.seeds, 3u);
  // An upper limit, not what was seen.
  EXPECT_GT(planned.discordance, *analysis.pair_of("base", "qlora-50", "spider")->flip_rate);
  EXPECT_TRUE(planned.seed_sd);
  EXPECT_GT(planned.clusters, 2u);
  ASSERT_EQ(planned.costs.size(), 2u);
  EXPECT_NEAR(planned.costs[1].train_s, 3 * 20 * 3.5, 1e-9);
  EXPECT_NEAR(planned.costs[1].predict_s, 0.2 * 180, 1e-9);
  const stats::PlanResult result = stats::plan(planned);
  // Twice the ranks' seconds: 500 questions x 3 seeds x 0.2 s for each arm, and the training.
  EXPECT_NEAR(*result.device_hours, 2 * (2 * 500 * 3 * 0.2 + 3 * 20 * 3.5) / 3600, 1e-6);
}

}  // namespace
}  // namespace tradeoff::report
