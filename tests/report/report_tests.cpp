#include <fmt/format.h>

#include <regex>

#include "analysis/words.hpp"
#include "fixture.hpp"
#include "page/questions.hpp"
#include "tradeoff/report/export/exports.hpp"
#include "tradeoff/report/page/tables.hpp"
#include "tradeoff/report/page/write.hpp"

namespace tradeoff::report {
namespace {

class Report : public ReportTest {
 protected:
  Study study_of(const SyntheticOptions& options,
                 const std::function<void(store::Predictions&)>& change = {}) {
    const std::filesystem::path files[] = {file("study", options, change)};
    return read_study(files);
  }
};

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++n;
  return n;
}

// The rows of one arm rewritten by `change`, column by column.
void rewrite(store::Predictions& study, const store::RunKey& key,
             const std::function<void(const std::string&, store::Column&)>& change) {
  store::Table rows;
  for (const auto& [name, column] : study.runs.at(key).rows.columns()) {
    store::Column copy = column;
    change(name, copy);
    rows.add(name, copy);
  }
  study.runs.at(key).rows = rows;
}

TEST_F(Report, json_has_the_keys_of_the_contract) {
  const Study study = study_of(small_study());
  const Json json = report_json(study, analyse(study));
  EXPECT_EQ(json.at("study"), "synthetic");
  for (const char* arm : {"base", "qlora-50", "qlora-200"}) {
    for (const char* task : {"spider", "mmlu"}) {
      const Json& one = json.at("arms").at(arm).at(task);
      for (const char* key : {"n", "items", "seeds", "accuracy", "ci95", "se_cluster", "clusters",
                              "seed_sd", "metrics", "floors"}) {
        EXPECT_TRUE(one.contains(key)) << arm << " " << task << " " << key;
      }
      EXPECT_EQ(one.at("n").get<int>(), one.at("items").get<int>() * one.at("seeds").get<int>());
    }
  }
  EXPECT_EQ(json.at("pairs").size(), 6u);
  for (const Json& pair : json.at("pairs")) {
    for (const char* key :
         {"a", "b", "task", "delta", "se_cluster", "ci95", "n01", "n10", "mcnemar_p", "holm_p",
          "flip_rate", "p", "df", "variance", "noninferiority"}) {
      EXPECT_TRUE(pair.contains(key)) << key;
    }
  }
  // Base is `a` wherever it is compared, and job order decides the rest.
  EXPECT_EQ(json.at("pairs")[0].at("a"), "base");
  EXPECT_EQ(json.at("pairs")[2].at("a"), "qlora-50");
  EXPECT_EQ(json.at("pairs")[2].at("b"), "qlora-200");
}

TEST_F(Report, accuracies_are_the_shares_of_right_rows) {
  const Study study = study_of(small_study());
  const Analysis analysis = analyse(study);
  double right = 0;
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto& flags =
        study.predictions.runs.at({"qlora-200", seed, "spider"}).rows.at<store::Flags>("exec");
    for (const auto flag : flags) right += flag;
  }
  EXPECT_NEAR(*analysis.summary_of("qlora-200", "spider")->accuracy.mean, right / 180, 1e-12);
}

TEST_F(Report, one_seed_is_not_estimable_and_never_nought) {
  SyntheticOptions options = small_study();
  options.seeds = {4};
  const Study study = study_of(options);
  const Analysis analysis = analyse(study);
  const Json json = report_json(study, analysis);
  EXPECT_TRUE(json.at("arms").at("qlora-50").at("spider").at("seed_sd").is_null());
  const std::string text = markdown(study, analysis);
  EXPECT_NE(text.find("not estimable"), std::string::npos);
  EXPECT_EQ(text.find("not estimable: not estimable"), std::string::npos);
  for (const stats::Comparison& one : {stats::compare(analysis.tables[0], analysis.tables[2])}) {
    const std::string lines = stats::to_text(one);
    EXPECT_EQ(lines.find("not estimable: one seed: seed variance not estimable"), std::string::npos)
        << lines;
    EXPECT_NE(lines.find("exact McNemar, these adapters"), std::string::npos) << lines;
  }
}

TEST_F(Report, arms_that_never_differ_make_a_report) {
  const Study study = study_of(small_study(), [](store::Predictions& s) {
    for (const std::uint64_t seed : {1, 2, 3}) {
      s.runs.at({"qlora-50", seed, "spider"}).rows = s.runs.at({"base", seed, "spider"}).rows;
    }
  });
  const Analysis analysis = analyse(study);
  const stats::PairSummary& pair = *analysis.pair_of("base", "qlora-50", "spider");
  EXPECT_EQ(pair.n01 + pair.n10, 0u);
  EXPECT_FALSE(pair.p || pair.holm_p || pair.mcnemar_p || pair.delta.told());
  // 1 - 0.05^(1/60): what no flip in 60 questions still allows.
  EXPECT_NE(headline(analysis)[0].find("no interval is estimable; at most 4.9 % of questions"),
            std::string::npos)
      << headline(analysis)[0];
  const Json json = report_json(study, analysis).at("pairs")[0];
  EXPECT_TRUE(json.at("p").is_null() && json.at("ci95").is_null() && json.at("df").is_null());
  EXPECT_EQ(json.at("not_estimable").at("items_and_seeds"),
            "no verdict differs: at most 4.9 % of questions do (95 %, one-sided)");
}

// The head line's words follow the adjusted p, and say what they rest on.
TEST_F(Report, the_head_line_follows_the_adjusted_p_and_names_its_runs) {
  const std::vector<std::pair<std::vector<std::uint64_t>, std::string>> cases = {
      {{1}, "one run: what training again would give is not estimable"},
      {{1, 2}, "it rests on 2 runs, too few to know how much runs differ"},
      {{1, 2, 3}, "it rests on 3 runs"},
      {{1, 2, 3, 4, 5}, ""}};
  for (const auto& [seeds, words] : cases) {
    SyntheticOptions options = small_study();
    options.seeds = seeds;
    Analysis analysis = analyse(study_of(options));
    for (stats::PairSummary& pair : analysis.summary.pairs) pair.holm_p = 0.051;
    for (const std::string& line : headline(analysis)) {
      EXPECT_EQ(line.find("raised"), std::string::npos) << line;
      EXPECT_EQ(line.find("lowered"), std::string::npos) << line;
    }
    for (stats::PairSummary& pair : analysis.summary.pairs) pair.holm_p = 0.049;
    const std::string line = headline(analysis)[0];
    EXPECT_TRUE(line.find("raised") != std::string::npos ||
                line.find("lowered") != std::string::npos)
        << line;
    if (words.empty()) {
      EXPECT_EQ(line.find("rests on"), std::string::npos) << line;
    }
    EXPECT_NE(line.find(words), std::string::npos) << line;
    const Json pair = report_json(study_of(options), analysis).at("pairs")[0];
    EXPECT_EQ(pair.at("mcnemar_p").is_null(), seeds.size() > 1);
    EXPECT_EQ(pair.at("variance").at("runs").is_null(), seeds.size() == 1);
  }
}

TEST_F(Report, two_arms_below_a_floor_keep_the_floor) {
  const auto below = [](const std::vector<std::string>& arms) {
    return [arms](store::Predictions& s) {
      for (auto& [key, run] : s.runs) {
        if (key.task != "mmlu" || std::ranges::find(arms, key.arm) == arms.end()) continue;
        rewrite(s, key, [](const std::string& name, store::Column& column) {
          if (name != "correct") return;
          auto& flags = std::get<store::Flags>(column);
          for (std::size_t i = 0; i < flags.size(); ++i) flags[i] = i < 3;
        });
      }
    };
  };
  const auto told = [&](const std::vector<std::string>& arms) {
    std::string text;
    for (const std::string& line : headline(analyse(study_of(small_study(), below(arms)))))
      text += line + "\n";
    return text;
  };
  const std::string both = told({"base", "qlora-50"});
  EXPECT_NE(both.find("Both base and qlora-50 are below a floor of MMLU: always answering the "
                      "commonest letter would get"),
            std::string::npos)
      << both;
  EXPECT_EQ(both.find("Both base and qlora-200"), std::string::npos) << both;
  EXPECT_EQ(told({"base"}).find("below a floor"), std::string::npos);
}

TEST(Words, one_number_has_one_rounding) {
  EXPECT_EQ(points(0.0125), fmt::format("{:+.1f}", 1.25));
  EXPECT_EQ(points(0.0135), fmt::format("{:+.1f}", 1.35));
  EXPECT_EQ(points(-0.0004), "0.0");
  EXPECT_EQ(points(0.0004), "0.0");
}

TEST_F(Report, one_cluster_has_no_cluster_interval) {
  const Study study = study_of(small_study(), [](store::Predictions& s) {
    store::Table items;
    for (const auto& [name, column] : s.items.at("spider").columns()) {
      store::Column copy = column;
      if (name == "db_id") std::get<store::Strings>(copy).assign(60, "one");
      items.add(name, copy);
    }
    s.items["spider"] = items;
  });
  const Analysis analysis = analyse(study);
  const Json json = report_json(study, analysis);
  EXPECT_TRUE(json.at("arms").at("base").at("spider").at("se_cluster").is_null());
  EXPECT_NE(markdown(study, analysis).find("interval not estimable from one cluster"),
            std::string::npos);
}

TEST_F(Report, gold_errors_leave_every_arm) {
  const Study study = study_of(small_study(), [](store::Predictions& s) {
    rewrite(s, {"qlora-50", 2, "spider"}, [](const std::string& name, store::Column& column) {
      if (name == "outcome") std::get<store::Strings>(column)[3] = "gold_error";
    });
  });
  const Analysis analysis = analyse(study);
  for (const char* arm : {"base", "qlora-50", "qlora-200"}) {
    EXPECT_EQ(analysis.summary_of(arm, "spider")->items, 59u) << arm;
    EXPECT_EQ(analysis.summary_of(arm, "spider")->gold_errors, 1u) << arm;
  }
}

TEST_F(Report, transitions_add_up_to_the_paired_rows) {
  const Study study = study_of(small_study());
  const Analysis analysis = analyse(study);
  std::int64_t rows = 0, to_right = 0;
  for (const Transition& t : analysis.errors.at("spider").transitions) {
    if (t.arm != "qlora-200") continue;
    rows += t.rows;
    if (t.from != "right" && t.to == "right") to_right += t.rows;
  }
  EXPECT_EQ(rows, 180);
  EXPECT_EQ(to_right,
            static_cast<std::int64_t>(analysis.pair_of("base", "qlora-200", "spider")->n01));
}

TEST_F(Report, the_page_has_every_figure_and_no_outside_address) {
  const Study study = study_of(small_study());
  const std::string page = html(study, analyse(study));
  for (const char* title : {"The trade-off plane", "Paired differences", "Spider by hardness",
                            "MMLU by subject", "Training loss", "Why SQL is wrong: Spider",
                            "Spider, seeds side by side", "MMLU, seeds side by side"}) {
    EXPECT_EQ(count(page, std::string("<title>") + title + "</title>"), 1u) << title;
  }
  EXPECT_EQ(count(page, "http://") + count(page, "https://") + count(page, "src="), 0u);
  EXPECT_EQ(count(page, "nan") + count(page, "inf\""), 0u);
}

TEST_F(Report, text_of_questions_and_arms_is_never_markup) {
  SyntheticOptions options = small_study();
  options.odd_text = "</script><img src=x onerror=alert(1)>&\"' ";
  options.name = "a <b>bold name & more [x](y)";
  const Study study = study_of(options);
  const std::string page = html(study, analyse(study));
  EXPECT_EQ(count(page, "<img"), 0u);
  EXPECT_EQ(count(page, "<b>bold"), 0u);
  EXPECT_EQ(count(page, "</script>"), 2u);
  const std::string text = markdown(study, analyse(study));
  EXPECT_EQ(text.find("a <b>bold"), std::string::npos);
  EXPECT_NE(text.find("a \\<b>bold name & more [x\\](y)"), std::string::npos);
}

TEST_F(Report, a_study_without_training_or_mmlu_says_so) {
  SyntheticOptions options = small_study();
  options.mmlu = 0;
  options.training_steps = 0;
  const Study study = study_of(options);
  const Analysis analysis = analyse(study);
  const std::string page = html(study, analysis);
  EXPECT_NE(page.find("there is no loss curve"), std::string::npos);
  EXPECT_EQ(count(page, "The trade-off plane</title>"), 0u);
  EXPECT_NE(page.find("There is no ledger"), std::string::npos);
}

TEST_F(Report, the_origin_stands_beside_its_own_study_alone) {
  SyntheticOptions options = small_study();
  EXPECT_EQ(count(markdown(study_of(options), analyse(study_of(options))), "104/200"), 0u);
  options.name = "report";
  const Study study = study_of(options);
  const std::string text = markdown(study, analyse(study));
  EXPECT_EQ(count(text, "52.0 % (104/200)"), 1u);
  EXPECT_NE(text.find("cannot be compared"), std::string::npos);
}

TEST_F(Report, equal_files_give_equal_reports) {
  const Study study = study_of(small_study());
  const Analysis once = analyse(study), again = analyse(study);
  EXPECT_EQ(html(study, once), html(study, again));
  EXPECT_EQ(report_json(study, once).dump(), report_json(study, again).dump());
}

TEST_F(Report, a_ledger_becomes_the_cost_of_each_arm) {
  write_synthetic(folder / "whole", small_study());
  const std::filesystem::path files[] = {folder / "whole" / "predictions.h5"};
  const Study study = read_study(files);
  const Analysis analysis = analyse(study);
  ASSERT_EQ(analysis.costs.size(), 3u);
  // 60 questions x 3 seeds and 57 once, at 0.2 s each on two ranks.
  EXPECT_NEAR(analysis.costs[0].predict_s, 0.2 * (180 + 57), 1e-9);
  EXPECT_EQ(analysis.costs[0].train_s, 0);
  EXPECT_NEAR(analysis.costs[1].train_s, 3 * 20 * 3.5, 1e-9);
  EXPECT_NEAR(analysis.costs[0].device_hours, 2 * 0.2 * (180 + 57) / 3600, 1e-9);
}

TEST_F(Report, a_page_holds_the_prompts_of_merged_files) {
  SyntheticOptions options = small_study();
  std::vector<std::filesystem::path> parts;
  for (const std::uint64_t seed : {1, 2}) {
    options.seeds = {seed};
    parts.push_back(file("seed-" + std::to_string(seed), options));
  }
  const Study study = read_study(parts);
  const Json data = question_data(study, analyse(study));
  // Spider's of two seeds, MMLU's of all.
  EXPECT_EQ(data.at("prompts").size(), 3u);
  for (const Json& cell : data.at("cells"))
    EXPECT_TRUE(data["prompts"].contains(cell.at("prompt")));
}

TEST(OneLineSql, joins_lines_and_drops_comments) {
  EXPECT_EQ(one_line_sql("SELECT a\nFROM t -- the table\nWHERE x = 1"),
            "SELECT a FROM t  WHERE x = 1");
  EXPECT_EQ(one_line_sql("SELECT '--no comment' FROM t"), "SELECT '--no comment' FROM t");
  EXPECT_EQ(one_line_sql("SELECT\ta\r\n, b"), "SELECT a  , b");
}

TEST(OneLineSql, is_never_empty) {
  for (const char* text : {"", " ", "\n\n", "-- only a comment", "\t"}) {
    EXPECT_EQ(one_line_sql(text), "select") << text;
  }
}

TEST_F(Report, exports_have_a_line_for_every_question) {
  const Study study = study_of(small_study());
  const Analysis analysis = analyse(study);
  write_exports(folder / "export", study, analysis);
  for (const char* name : {"gold.sql", "base_seed-1.sql", "qlora-200_seed-3.sql"}) {
    std::ifstream lines(folder / "export" / "spider" / name);
    std::string line;
    int n = 0;
    while (std::getline(lines, line)) {
      ++n;
      EXPECT_FALSE(line.empty()) << name << ":" << n;
    }
    EXPECT_EQ(n, 60) << name;
  }
  const auto cell = folder / "export" / "lm-eval" / "qlora-50_seed-2";
  const Json results = read_json(cell / ("results_" + study.written() + ".json"));
  const Json report = report_json(study, analysis);
  EXPECT_NEAR(
      results.at("results").at("mmlu").at("acc,none").get<double>(),
      report.at("arms").at("qlora-50").at("mmlu").at("by_seed")[1].at("accuracy").get<double>(),
      1e-12);
  EXPECT_EQ(count(text_of(cell / ("samples_spider_" + study.written() + ".jsonl")), "\n"), 60u);
  const std::string questions = text_of(folder / "export" / "tables" / "questions.csv");
  EXPECT_TRUE(questions.starts_with("task,id,cluster,level,arm,seed,correct,exec,")) << questions;
  // Three arms with three seeds on Spider; MMLU once for the base.
  EXPECT_EQ(count(questions, "\nspider,"), 60u * 9);
  EXPECT_EQ(count(questions, "\nmmlu,"), 57u * 7);
  for (const char* name : {"accuracy", "pairs", "groups", "errors", "cost"}) {
    EXPECT_TRUE(
        std::filesystem::exists(folder / "export" / "tables" / (std::string(name) + ".csv")));
  }
}

TEST_F(Report, classes_have_meanings_and_none_found_has_a_bound) {
  const Study study = study_of(small_study(), [](store::Predictions& p) {
    // A class of one arm alone, and one of a later version.
    for (const char* arm : {"base", "qlora-50", "qlora-200"})
      for (const std::uint64_t seed : {1, 2, 3})
        rewrite(p, {arm, seed, "spider"}, [&](const std::string& name, store::Column& column) {
          if (name != "error_class") return;
          for (std::string& text : std::get<store::Strings>(column))
            if (text == "column_of_other_table")
              text = std::string(arm) == "base" ? "column_of_other_table" : "<b>new</b>";
        });
  });
  const Analysis analysis = analyse(study);
  const std::string text = markdown(study, analysis);
  EXPECT_EQ(count(text, "it names a column of another table than the one it asks"), 1u);
  EXPECT_EQ(count(text, "not known to this version"), 1u);
  // None of 60 questions: at most 1 - 0.05^(1/60).
  EXPECT_NE(text.find("0 (< 4.9 %)"), std::string::npos) << text;
  EXPECT_NE(text.find("non_empty: answers that run and return rows"), std::string::npos);
  EXPECT_EQ(html(study, analysis).find("<b>new</b>"), std::string::npos);
}

}  // namespace
}  // namespace tradeoff::report
