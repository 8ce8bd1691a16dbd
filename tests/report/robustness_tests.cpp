// The same questions in other words, and tasks that are not built in.
#include "grids/robustness.hpp"

#include "fixture.hpp"
#include "tradeoff/report/export/exports.hpp"
#include "tradeoff/report/page/tables.hpp"

namespace tradeoff::report {
namespace {

class Robustness : public ReportTest {
 protected:
  // Every arm answers the reworded questions as the base answers the original ones.
  Study study(const std::string& task) {
    const std::filesystem::path files[] = {file("study", small_study(), [&](store::Predictions& p) {
      p.items[task] = p.items.at("spider");
      for (const char* arm : {"base", "qlora-50", "qlora-200"})
        for (const std::uint64_t seed : {1, 2, 3})
          p.runs[{arm, seed, task}] = p.runs.at({"base", seed, "spider"});
      p.config["task"][task] = {{"kind", "sql"}, {"group", "topic"}};
    })};
    return read_study(files);
  }
};
#define EXPECT_HAS(text, part) EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

TEST_F(Robustness, the_loss_is_paired_by_question_and_told_for_each_arm) {
  const Study reworded = study("spider_syn");
  const Analysis analysis = analyse(reworded);
  const auto rows = robustness(analysis);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].arm, "base");
  EXPECT_EQ(rows[0].result.pair.n01 + rows[0].result.pair.n10, 0u);
  for (const RobustnessPair& row : rows) {
    if (row.arm == "base") continue;
    const stats::PairSummary& gain = *analysis.pair_of("base", row.arm, "spider");
    EXPECT_NEAR(*row.result.pair.delta.mean, -*gain.delta.mean, 1e-12) << row.arm;
    EXPECT_EQ(row.result.pair.n10, gain.n01);
    EXPECT_EQ(row.result.pair.items, 60u);
  }
  const Json json = report_json(reworded, analysis);
  ASSERT_EQ(json.at("robustness").size(), 3u);
  EXPECT_EQ(json["robustness"][1]["b"], "spider_syn");
  EXPECT_TRUE(json["arms"]["base"].contains("spider_syn"));
  const std::string text = markdown(reworded, analysis);
  EXPECT_HAS(text, "## The same questions in other words");
  EXPECT_HAS(text, "## Spider-Syn");
  EXPECT_HAS(html(reworded, analysis), "Other words");
  write_exports(folder / "export", reworded, analysis);
  EXPECT_TRUE(std::filesystem::exists(folder / "export/spider_syn/gold.sql"));
}

TEST_F(Robustness, a_study_without_reworded_questions_has_no_such_table) {
  const std::filesystem::path files[] = {file("plain", small_study())};
  const Study plain = read_study(files);
  const Analysis analysis = analyse(plain);
  EXPECT_TRUE(robustness(analysis).empty());
  EXPECT_FALSE(report_json(plain, analysis).contains("robustness"));
}

TEST_F(Robustness, a_task_that_is_not_built_in_is_told_by_its_items) {
  const Study own = study("mine");
  const Analysis analysis = analyse(own);
  EXPECT_EQ(analysis.tasks, (std::vector<std::string>{"spider", "mmlu", "mine"}));
  EXPECT_EQ(analysis.task("mine").kind, task::Kind::sql);
  EXPECT_EQ(analysis.task("mine").words.label, "topic");
  EXPECT_TRUE(robustness(analysis).empty());
  EXPECT_HAS(markdown(own, analysis), "## mine");
}

}  // namespace
}  // namespace tradeoff::report
