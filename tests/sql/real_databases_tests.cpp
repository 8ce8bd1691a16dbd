// Databases and names as users have them, each rebuilt in small from a public report, with two of
// its kind.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <chrono>
#include <fstream>
#include <sstream>

#include "temporary_folder.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/sql/files/score_files.hpp"
#include "tradeoff/sql/judge/error_class.hpp"

namespace tradeoff::sql {
namespace {

namespace fs = std::filesystem;

struct RealDatabase : testing::Test {
  TemporaryFolder folder;
  ScoreFilesOptions options;
  std::string printed;

  // The database `db` of these statements, and options that score on it.
  void database(const std::string& statements) {
    fs::create_directories(folder.path() / "db/db");
    const fs::path path = folder.path() / "db/db/db.sqlite";
    fs::remove(path);
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, statements.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
    options.db = folder.path() / "db";
    options.out = folder.path() / "rows.jsonl";
  }
  Verdict judge(const std::string& gold, const std::string& prediction) {
    options.gold = folder.write("gold.sql", gold + "\tdb\n");
    options.pred = folder.write("pred.sql", prediction + "\n");
    std::ostringstream out;
    const auto rows = score_files(options, out);
    printed = out.str();
    return rows.at(0).verdict;
  }
  std::string failure(const std::string& gold, const std::string& prediction) {
    try {
      judge(gold, prediction);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
};

#define EXPECT_HAS(text, part) EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

struct VirtualTable : RealDatabase, testing::WithParamInterface<const char*> {};

TEST_P(VirtualTable, is_left_out_and_said_and_the_other_tables_are_scored) {
  database(std::string("CREATE TABLE books(id integer primary key, title text, pages int);"
                       "INSERT INTO books VALUES (1, 'Sand', 90), (2, 'Sea', 200);"
                       "CREATE VIRTUAL TABLE found USING ") +
           GetParam());
  EXPECT_EQ(judge("SELECT title FROM books", "SELECT title FROM books").exec, true);
  EXPECT_HAS(printed, "db: left out, since only a module of SQLite could read it: found");
  const Verdict asked = judge("SELECT title FROM books", "SELECT * FROM found");
  EXPECT_EQ(asked.exec, false);
  EXPECT_EQ(asked.outcome, Outcome::sql_error);
  EXPECT_HAS(asked.message, "no such module");
  EXPECT_HAS(failure("SELECT * FROM found", "SELECT 1"), "nothing was scored");
}
INSTANTIATE_TEST_SUITE_P(Kinds, VirtualTable,
                         testing::Values("fts5(title, content='books', content_rowid='id')",
                                         "fts4(title)", "rtree(id, low, high)"));

TEST_F(RealDatabase, nothing_is_said_of_tables_where_none_is_left_out) {
  database("CREATE TABLE books(title text); INSERT INTO books VALUES ('Sand')");
  judge("SELECT title FROM books", "SELECT title FROM books");
  EXPECT_EQ(printed.find("left out"), std::string::npos) << printed;
}

// A text of 150,000 bytes, a blob, and a row of several values that are short each.
TEST_F(RealDatabase, long_values_are_judged_up_to_the_limit_of_the_option) {
  database(
      "CREATE TABLE notes(id int, body text, data blob);"
      "INSERT INTO notes VALUES (1, replace(hex(zeroblob(75000)), '0', 'a'), 'short'),"
      "(2, 'short', zeroblob(300000)),"
      "(3, replace(hex(zeroblob(45000)), '0', 'b'), zeroblob(90000))");
  for (const char* sql :
       {"SELECT body FROM notes WHERE id = 1", "SELECT length(data) FROM notes WHERE id = 2",
        "SELECT count(*) FROM notes WHERE body LIKE '%b%' OR data IS NULL",
        "SELECT instr(body, 'b') FROM notes"}) {
    const Verdict verdict = judge(sql, sql);
    EXPECT_EQ(verdict.exec, true) << sql << ": " << verdict.message;
  }
  options.sql_max_value = 100'000;
  EXPECT_HAS(failure("SELECT body FROM notes", "SELECT 1"), "values: at most 100000 bytes");
  EXPECT_EQ(judge("SELECT id FROM notes", "SELECT id FROM notes").exec, true);
  options.sql_max_value = 10;
  EXPECT_HAS(failure("SELECT id FROM notes", "SELECT 1"), "longest SQL value: found 10 bytes");
}

TEST_F(RealDatabase, instr_replace_and_trim_of_long_texts_end_with_the_time) {
  database("CREATE TABLE t(a int); INSERT INTO t VALUES (1)");
  options.sql_timeout = 0.3;
  const std::string grow =
      "WITH RECURSIVE g(s) AS (SELECT 'aaaaaaaa' UNION ALL SELECT s || s FROM g "
      "WHERE length(s) < 4000000) ";
  for (const char* end : {"SELECT instr(s, substr(s, 1, 2000000) || 'b') FROM g",
                          "SELECT length(replace(s, substr(s, 1, 2000000) || 'b', 'c')) FROM g",
                          "SELECT length(trim(s || 'c', 'b' || s)) FROM g"}) {
    const auto begin = std::chrono::steady_clock::now();
    const Verdict verdict = judge("SELECT a FROM t", grow + end);
    EXPECT_EQ(verdict.exec, false);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10)) << end;
  }
}

// The official rules take every `value` of a prediction for a placeholder. Their verdict stays.
TEST_F(RealDatabase, identifiers_spelled_value_keep_the_official_verdict_and_are_not_diagnosed) {
  database(
      "CREATE TABLE crates(code text, value real, depot int);"
      "INSERT INTO crates VALUES ('a', 90, 1), ('b', 200, 1), ('c', 300, 2)");
  for (const char* sql :
       {"SELECT depot ,  avg(value) FROM crates GROUP BY depot",
        "SELECT code FROM crates WHERE value  >  160", "SELECT max(value) FROM crates"}) {
    const Verdict verdict = judge(sql, sql);
    EXPECT_EQ(verdict.exec, false) << sql;
    EXPECT_EQ(verdict.exec_keep_distinct, false) << sql;
    EXPECT_EQ(verdict.set, true) << sql;
    EXPECT_EQ(verdict.strict, true) << sql;
    EXPECT_EQ(verdict.error_class, "official_value") << sql;
    EXPECT_HAS(verdict.message, "right as written");
    EXPECT_HAS(printed, "1 predictions are right as written and wrong by the official rules");
  }
}

// Two of the kind: part of a longer name, and a text. A fault of the model's own is still named,
// not the error that the replacement made.
TEST_F(RealDatabase, names_and_texts_that_hold_value_are_told_from_faults) {
  database(
      "CREATE TABLE prices(item text, market_value int); "
      "INSERT INTO prices VALUES ('face value', 5), ('other', 7)");
  EXPECT_EQ(judge("SELECT max(market_value) FROM prices", "SELECT max(market_value) FROM prices")
                .error_class,
            "official_value");
  EXPECT_EQ(judge("SELECT market_value FROM prices WHERE item = 'face value'",
                  "SELECT market_value FROM prices WHERE item = 'face value'")
                .error_class,
            "official_value");
  const Verdict wrong =
      judge("SELECT min(market_value) FROM prices", "SELECT max(market_value) FROM prices");
  EXPECT_EQ(wrong.exec, false);
  EXPECT_EQ(wrong.error_class, "other_rows") << wrong.message;
  EXPECT_EQ(printed.find("right as written"), std::string::npos);
  // A placeholder remains one.
  EXPECT_EQ(judge("SELECT item FROM prices WHERE market_value > 1",
                  "SELECT item FROM prices WHERE market_value > value")
                .exec,
            false);
}

TEST_F(RealDatabase, every_class_of_wrong_sql_has_a_meaning_for_readers) {
  for (int i = 0; i <= static_cast<int>(ErrorClass::no_sql); ++i) {
    const std::string_view name = name_of(static_cast<ErrorClass>(i));
    EXPECT_FALSE(meaning_of(name).empty()) << name;
  }
  EXPECT_EQ(name_of(ErrorClass::no_sql), "no_sql");
  EXPECT_EQ(meaning_of("nosuch"), "");
}

// Found before a query runs, so before a prediction is paid for.
TEST_F(RealDatabase, a_damaged_file_or_variant_is_named_before_anything_is_executed) {
  database("CREATE TABLE t(a int); INSERT INTO t VALUES (1)");
  const fs::path variant = folder.path() / "db/db/db_variant_1.sqlite";
  std::ofstream(variant) << std::string("SQLite format 3\0", 16) << std::string(4000, 'x');
  EXPECT_HAS(failure("SELECT a FROM t", "SELECT a FROM t"), "db_variant_1.sqlite");
  EXPECT_FALSE(fs::exists(options.out));
  fs::remove(variant);
  std::ofstream(folder.path() / "db/db/db.sqlite") << std::string(4000, 'x');
  EXPECT_HAS(failure("SELECT a FROM t", "SELECT a FROM t"), "db.sqlite");
  EXPECT_FALSE(fs::exists(options.out));
}

}  // namespace
}  // namespace tradeoff::sql
