// Questions that experts reviewed: accuracy and effect by each key, from columns made by hand.
#include "grids/reviewed.hpp"

#include "fixture.hpp"
#include "tradeoff/report/page/tables.hpp"

namespace tradeoff::report {
namespace {

class ReviewedTest : public ReportTest {
 protected:
  // Every fourth question is suspect; of these every second has a corrected key, by which the
  // tuned arm is right and the base wrong.
  Study study() {
    const std::filesystem::path files[] = {file("study", small_study(), [](store::Predictions& p) {
      for (auto& [key, run] : p.runs) {
        if (key.task != "mmlu") continue;
        const auto& correct = run.rows.at<store::Flags>("correct");
        store::Flags clean = correct, corrected = correct;
        for (std::size_t i = 0; i < correct.size(); i += 4) {
          clean[i] = -1;
          corrected[i] = i % 8 ? -1 : key.arm == "base" ? 0 : 1;
        }
        run.rows.add("clean", clean);
        run.rows.add("corrected", corrected);
      }
    })};
    return read_study(files);
  }
};

TEST_F(ReviewedTest, accuracy_is_told_by_each_key) {
  const Study made = study();
  const Analysis analysis = analyse(made);
  ASSERT_EQ(analysis.reviewed.size(), 1u);
  const Reviewed& reviewed = analysis.reviewed.front();
  EXPECT_EQ(reviewed.task, "mmlu");
  const std::size_t all = made.predictions.items.at("mmlu").rows();
  EXPECT_EQ(reviewed.items[Judged::published], all);
  EXPECT_EQ(reviewed.items[Judged::clean], all - (all + 3) / 4);
  EXPECT_GT(reviewed.items[Judged::corrected], reviewed.items[Judged::clean]);
  // By hand for one arm.
  std::int64_t right = 0, n = 0;
  for (const auto& [key, run] : made.predictions.runs) {
    if (key.task != "mmlu" || key.arm != "qlora-50") continue;
    for (const std::int8_t flag : run.rows.at<store::Flags>("clean")) {
      right += flag == 1;
      n += flag >= 0;
    }
  }
  for (const auto& [arm, by_key] : reviewed.arms) {
    EXPECT_EQ(by_key[Judged::published].accuracy.mean,
              analysis.summary_of(arm, "mmlu")->accuracy.mean);
    if (arm != "qlora-50") continue;
    EXPECT_NEAR(*by_key[Judged::clean].accuracy.mean, static_cast<double>(right) / n, 1e-12);
  }
}

TEST_F(ReviewedTest, the_effect_stands_with_and_without_the_suspect_questions) {
  const Study made = study();
  const Analysis analysis = analyse(made);
  const Reviewed& reviewed = analysis.reviewed.front();
  ASSERT_EQ(reviewed.pairs.size(), 2u);
  for (const auto& [arm, by_key] : reviewed.pairs) {
    const stats::PairSummary& all = *analysis.pair_of("base", arm, "mmlu");
    EXPECT_EQ(by_key[Judged::published].delta.mean, all.delta.mean) << arm;
    EXPECT_EQ(by_key[Judged::clean].items, reviewed.items[Judged::clean]);
    EXPECT_GT(*by_key[Judged::corrected].delta.mean, *by_key[Judged::clean].delta.mean) << arm;
  }
  const Json json = report_json(made, analysis);
  EXPECT_EQ(json["reviewed"]["mmlu"]["pairs"][0]["b"], "qlora-50");
  EXPECT_EQ(json["reviewed"]["mmlu"]["arms"]["base"]["clean"]["items"],
            reviewed.items[Judged::clean]);
  const std::string text = markdown(made, analysis);
  EXPECT_NE(text.find("## MMLU: as published, corrected, clean"), text.npos);
  EXPECT_NE(text.find("## MMLU: the effect with and without the suspect questions"), text.npos);
  EXPECT_NE(html(made, analysis).find("Suspect questions"), std::string::npos);
}

TEST_F(ReviewedTest, a_study_without_a_review_has_no_such_table) {
  const std::filesystem::path files[] = {file("plain", small_study())};
  const Study plain = read_study(files);
  EXPECT_TRUE(analyse(plain).reviewed.empty());
  EXPECT_FALSE(report_json(plain, analyse(plain)).contains("reviewed"));
}

}  // namespace
}  // namespace tradeoff::report
