// A report on some arms, under other names, by another metric.
#include "fixture.hpp"
#include "tradeoff/report/files/select.hpp"
#include "tradeoff/report/page/tables.hpp"

namespace tradeoff::report {
namespace {

#define EXPECT_HAS(text, part) EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

class Select : public ReportTest {
 protected:
  Study study() {
    const std::filesystem::path files[] = {file("study", small_study())};
    return read_study(files);
  }
  std::string failure(const Selection& selection) {
    Study one = study();
    return error_of([&] { select(one, selection); });
  }
};

TEST_F(Select, arms_are_left_out_ordered_and_renamed_everywhere) {
  Study some = study();
  const Analysis all = analyse(some);
  select(some, {.arms = {"qlora-200", "base"}, .rename = {"qlora-200=long"}, .primary = ""});
  const Analysis analysis = analyse(some);
  EXPECT_EQ(analysis.arms, (std::vector<std::string>{"base", "long"}));
  EXPECT_EQ(*analysis.pair_of("base", "long", "spider")->delta.mean,
            *all.pair_of("base", "qlora-200", "spider")->delta.mean);
  for (const std::string& text : {markdown(some, analysis), report_json(some, analysis).dump()}) {
    EXPECT_EQ(text.find("qlora-50"), std::string::npos);
    EXPECT_EQ(text.find("qlora-200"), std::string::npos);
    EXPECT_HAS(text, "long");
  }
  for (const auto& entry : some.ledger) EXPECT_TRUE(entry.arm == "base" || entry.arm == "long");
  EXPECT_TRUE(some.predictions.training.contains({"long", 1}));
}

// The order of the file where all arms stay; the Holm family is that of the arms that stay.
TEST_F(Select, fewer_arms_are_a_smaller_family) {
  Study some = study();
  const Analysis all = analyse(some);
  select(some, {.arms = {"base", "qlora-50"}, .rename = {}, .primary = ""});
  const Analysis analysis = analyse(some);
  EXPECT_EQ(analysis.summary.pairs.size(), 2u);
  EXPECT_LE(*analysis.pair_of("base", "qlora-50", "spider")->holm_p,
            *all.pair_of("base", "qlora-50", "spider")->holm_p);
}

TEST_F(Select, another_metric_scores_the_stored_rows_again) {
  Study some = study();
  select(some, {.arms = {}, .rename = {}, .primary = "set"});
  const Analysis analysis = analyse(some);
  EXPECT_EQ(analysis.primary, results::Primary::set);
  const auto& flags = some.predictions.runs.at({"base", 1, "spider"}).rows.at<store::Flags>("set");
  const auto* table = analysis.table_of("base", "spider");
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ(table->scores[i * table->seeds.size()], flags[i] == 1 ? 1.0 : 0.0);
}

TEST_F(Select, what_cannot_be_is_refused_naming_what_there_is) {
  EXPECT_HAS(failure({.arms = {"none"}, .rename = {}, .primary = ""}),
             "--arms: no arm \"none\"; there are base, qlora-50, qlora-200");
  EXPECT_HAS(failure({.arms = {"base", "base"}, .rename = {}, .primary = ""}), "stands twice");
  EXPECT_HAS(failure({.arms = {}, .rename = {"base"}, .primary = ""}), "expected old=new");
  EXPECT_HAS(failure({.arms = {}, .rename = {"x=y"}, .primary = ""}), "--rename: no arm \"x\"");
  EXPECT_HAS(failure({.arms = {}, .rename = {"base=qlora-50"}, .primary = ""}),
             "two arms are called \"qlora-50\"");
  EXPECT_HAS(failure({.arms = {"base"}, .rename = {"qlora-50=x"}, .primary = ""}),
             "\"qlora-50\" is not among --arms");
  EXPECT_NE(failure({.arms = {}, .rename = {"base=../x"}, .primary = ""}), "");
  EXPECT_HAS(failure({.arms = {}, .rename = {}, .primary = "bleu"}),
             "found \"bleu\", expected exec, set or strict");
}

}  // namespace
}  // namespace tradeoff::report
