#include "tradeoff/sql/judge/score.hpp"

#include <gtest/gtest.h>

#include "plain_sqlite.hpp"
#include "spider_files.hpp"
#include "temporary_folder.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::sql {
namespace {

Scorer dev_scorer(ScoreOptions options = {}) {
  return Scorer(kSpider / "database", kSpider / "tables.json", options);
}

TEST(Score, gold_against_gold_is_right_in_every_semantics) {
  Scorer scorer = dev_scorer();
  const auto golds = dev_golds();
  ASSERT_EQ(golds.size(), 1034u);
  for (const GoldLine& gold : golds) {
    const Verdict verdict = scorer.score(gold.db_id, gold.sql, gold.sql);
    EXPECT_EQ(verdict.outcome, Outcome::ok) << gold.sql << verdict.message;
    EXPECT_TRUE(verdict.exec.value() && verdict.exec_keep_distinct.value() && verdict.set.value() &&
                verdict.strict.value())
        << gold.sql;
    EXPECT_EQ(verdict.soft_f1, 1.0) << gold.sql;
    EXPECT_EQ(verdict.error_class, "");
  }
}

TEST(Score, the_always_empty_predictor_is_right_77_times_and_an_empty_answer_never) {
  Scorer scorer = dev_scorer();
  int empty_query = 0;
  for (const GoldLine& gold : dev_golds()) {
    empty_query += scorer.score(gold.db_id, gold.sql, "SELECT 1 WHERE 0").exec.value();
    for (const char* nothing : {"", "  ", "-- none", ";", "I do not know.", "/* SELECT 1 */"}) {
      const Verdict verdict = scorer.score(gold.db_id, gold.sql, nothing);
      EXPECT_FALSE(*verdict.exec || *verdict.exec_keep_distinct || *verdict.set || *verdict.strict);
      EXPECT_EQ(verdict.soft_f1, 0.0);
      EXPECT_TRUE(verdict.outcome == Outcome::empty_output || verdict.outcome == Outcome::no_sql);
    }
  }
  EXPECT_EQ(empty_query, 77);
}

TEST(Score, a_failing_gold_is_reported_and_judges_nothing) {
  Scorer scorer = dev_scorer();
  const Verdict verdict = scorer.score("concert_singer", "SELECT nosuch FROM singer", "SELECT 1");
  EXPECT_EQ(verdict.outcome, Outcome::gold_error);
  EXPECT_FALSE(verdict.exec.has_value());
  EXPECT_NE(verdict.message.find("no such column: nosuch"), std::string::npos);
}

TEST(Score, a_missing_database_is_an_error_that_names_the_file) {
  Scorer scorer = dev_scorer();
  try {
    scorer.score("nowhere", "SELECT 1", "SELECT 1");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("nowhere/nowhere.sqlite"), std::string::npos);
  }
}

// The test-suite's rule: the same question on several files of rows.
TEST(Score, exec_asks_every_sqlite_file_of_the_folder_and_set_the_own_one_alone) {
  const TemporaryFolder folder;
  const auto place = folder.path() / "shop";
  std::filesystem::create_directories(place);
  const std::string table = "CREATE TABLE item (name TEXT, price INTEGER);";
  plain_execute(place / "shop.sqlite", table + "INSERT INTO item VALUES ('a', 1), ('b', 2);");
  plain_execute(place / "shop_0.sqlite", table + "INSERT INTO item VALUES ('a', 3), ('b', 2);");
  Scorer scorer(folder.path(), {});
  EXPECT_EQ(scorer.databases("shop").size(), 2u);
  const char* gold = "SELECT name FROM item WHERE price = 2";
  EXPECT_EQ(scorer.score("shop", gold, "SELECT name FROM item WHERE price > 1 AND price < 3").exec,
            true);
  // By chance right on the own file.
  const Verdict lucky = scorer.score("shop", gold, "SELECT max(name) FROM item WHERE price > 1");
  EXPECT_EQ(lucky.exec, true);
  const Verdict wrong = scorer.score("shop", gold, "SELECT name FROM item WHERE price > 1");
  EXPECT_EQ(wrong.exec, false);
  EXPECT_EQ(wrong.exec_keep_distinct, false);
  EXPECT_EQ(wrong.set, true);
  EXPECT_EQ(wrong.strict, true);
  EXPECT_EQ(wrong.error_class, "rows_superset");
  EXPECT_NE(wrong.message.find("in shop_0.sqlite"), std::string::npos) << wrong.message;

  plain_execute(place / "shop_1.sqlite", "CREATE TABLE item (name TEXT);");
  // The prediction alone fails there.
  const Verdict fails =
      Scorer(folder.path(), {})
          .score("shop", "SELECT count(name) FROM item", "SELECT count(price) FROM item");
  EXPECT_EQ(fails.exec, false);
  EXPECT_EQ(fails.outcome, Outcome::ok);
  EXPECT_NE(fails.message.find("no such column: price"), std::string::npos) << fails.message;
  Scorer with_broken(folder.path(), {});
  const Verdict broken = with_broken.score("shop", gold, gold);
  EXPECT_EQ(broken.outcome, Outcome::gold_error);
  EXPECT_NE(broken.message.find("no such column: price"), std::string::npos) << broken.message;
}

// Taking DISTINCT out is what makes this one wrong by exec.
TEST(Score, the_class_is_that_of_the_comparison_that_failed) {
  Scorer scorer = dev_scorer();
  const Verdict verdict = scorer.score("concert_singer", "SELECT DISTINCT country FROM singer",
                                       "SELECT country FROM singer GROUP BY country");
  EXPECT_EQ(verdict.exec, false);
  EXPECT_EQ(verdict.exec_keep_distinct, true);
  EXPECT_EQ(verdict.error_class, "distinct");
}

struct ClassCase {
  const char *sql, *error_class, *suggestion;
};

// Names the case in the list of tests.
void PrintTo(const ClassCase& item, std::ostream* out) {
  *out << item.error_class;
}

class ErrorClasses : public testing::TestWithParam<ClassCase> {};

TEST_P(ErrorClasses, are_found_with_a_suggestion) {
  static Scorer scorer = dev_scorer();
  const Verdict verdict =
      scorer.score("concert_singer", "SELECT name, country FROM singer WHERE age > 20 ORDER BY age",
                   GetParam().sql);
  EXPECT_FALSE(verdict.exec.value());
  EXPECT_EQ(verdict.error_class, GetParam().error_class) << verdict.message;
  EXPECT_NE(verdict.message.find(GetParam().suggestion), std::string::npos) << verdict.message;
}

INSTANTIATE_TEST_SUITE_P(
    Score, ErrorClasses,
    testing::Values(
        ClassCase{"SELECT name country FROM FROM singer", "syntax", "near"},
        ClassCase{"SELECT name FROM pets", "table_of_other_database", "pets"},
        ClassCase{"SELECT name FROM singers", "table_misspelt", "`singer`"},
        ClassCase{"SELECT name FROM zebra_house", "table_invented", "no such table"},
        ClassCase{"SELECT T2.Name FROM singer AS T1 JOIN singer_in_concert AS T2 ON T1.singer_id = "
                  "T2.singer_id",
                  "column_of_other_table", "`Name` is in `singer` (T1), not T2"},
        ClassCase{"SELECT capacity FROM singer", "column_of_other_table", "`stadium`"},
        ClassCase{"SELECT T3.name FROM singer AS T1", "column_undefined_alias", "T3"},
        ClassCase{"SELECT name FROM singer WHERE Contry = 'France'", "column_misspelt",
                  "`Country`"},
        ClassCase{"SELECT songname FROM singer", "column_natural_name", "`Song_Name`"},
        ClassCase{"SELECT shoe_size FROM singer", "column_invented", "shoe_size"},
        ClassCase{"SELECT name FROM singer JOIN stadium", "ambiguous_column", "ambiguous"},
        ClassCase{"SELECT foo(name) FROM singer", "function_unknown", "foo"},
        ClassCase{"SELECT \"song title\", name FROM singer", "quoted_identifier", "song title"},
        ClassCase{"SELECT name, country, age FROM singer WHERE age > 20", "extra_columns", "3"},
        ClassCase{"SELECT name FROM singer WHERE age > 20", "missing_columns", "1"},
        ClassCase{"SELECT name, country FROM singer WHERE age > 20 ORDER BY age DESC", "row_order",
                  "order"},
        ClassCase{"SELECT name, country FROM singer WHERE age > 40 ORDER BY age", "value",
                  "literals"},
        ClassCase{"SELECT name, country FROM singer WHERE age > 40", "rows_subset", "rows"},
        ClassCase{"SELECT a.name, a.country FROM singer a JOIN singer b", "distinct", "duplicates"},
        ClassCase{"SELECT name, age FROM singer", "other_rows", "rows"},
        ClassCase{"DROP TABLE singer", "denied", "DROP"},
        ClassCase{"SELECT printf('%d', 1)", "denied", "printf"},
        ClassCase{"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) "
                  "FROM c",
                  "step_limit", "step"},
        ClassCase{"", "empty_output", ""}, ClassCase{"Sorry.", "no_sql", ""}),
    [](const auto& item) { return std::to_string(item.index) + "_" + item.param.error_class; });

}  // namespace
}  // namespace tradeoff::sql
