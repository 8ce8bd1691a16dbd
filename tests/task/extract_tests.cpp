#include <cctype>
#include <set>
#include <sstream>

#include "../slow_build.hpp"
#include "extract_fixture.hpp"
#include "fixture.hpp"
#include "tradeoff/base/progress.hpp"
#include "tradeoff/base/seed.hpp"
#include "tradeoff/task/extract.hpp"
#include "tradeoff/task/spider.hpp"

namespace tradeoff::task {
namespace {

std::string_view strip_end(std::string_view sql) {
  while (!sql.empty() && std::string_view("; \t\n").find(sql.back()) != std::string_view::npos)
    sql.remove_suffix(1);
  return sql;
}

TEST(Extract, a_bare_statement_is_taken_as_it_is) {
  for (const Case& c : {
           Case{"SELECT count(*) FROM singer", "SELECT count(*) FROM singer"},
           Case{" SELECT a FROM t;\n", "SELECT a FROM t"},
           Case{"select a from t", "select a from t"},
           Case{"SELECT a FROM t ; SELECT b FROM u", "SELECT a FROM t"},
           Case{"SELECT a\nFROM t\nWHERE b > 1\n  AND c = 'x'\nORDER BY a DESC\nLIMIT 3;",
                "SELECT a\nFROM t\nWHERE b > 1\n  AND c = 'x'\nORDER BY a DESC\nLIMIT 3"},
           Case{"SELECT a,\n       b\nFROM t", "SELECT a,\n       b\nFROM t"},
           Case{"SELECT a FROM t UNION\nSELECT a FROM u", "SELECT a FROM t UNION\nSELECT a FROM u"},
           Case{"SELECT a FROM t\nUNION\nSELECT a FROM u",
                "SELECT a FROM t\nUNION\nSELECT a FROM u"},
           Case{"SELECT a FROM t WHERE b IN\n(SELECT b FROM u)",
                "SELECT a FROM t WHERE b IN\n(SELECT b FROM u)"},
           Case{"WITH x AS (SELECT 1 AS a)\nSELECT a FROM x",
                "WITH x AS (SELECT 1 AS a)\nSELECT a FROM x"},
           Case{"with recursive n(i) as (select 1 union all select i+1 from n where i<5) select i "
                "from n",
                "with recursive n(i) as (select 1 union all select i+1 from n where i<5) select i "
                "from n"},
           Case{"SELECT 1", "SELECT 1"},
           Case{"Select Name From singer\nWhere Age > 20",
                "Select Name From singer\nWhere Age > 20"},
       }) {
    expect_sql(c);
  }
}

TEST(Extract, what_follows_select_is_not_judged) {
  for (const char* wrong :
       {"SELECT", "SELECT FROM WHERE", "SELECT nme FRM singer", "SELECT a FROM (SELECT b FROM t",
        "SELECT name FROM singer WHERE name = 'O"}) {
    expect_sql({wrong, wrong});
  }
}

TEST(Extract, semicolons_quotes_and_comment_marks_inside_literals_belong_to_it) {
  for (const Case& c : {
           Case{"SELECT 'a;b' FROM t; SELECT 2", "SELECT 'a;b' FROM t"},
           Case{"SELECT 'it''s; -- no' FROM t;", "SELECT 'it''s; -- no' FROM t"},
           Case{"SELECT \"x;y\", [p;q], `r;s` FROM t;", "SELECT \"x;y\", [p;q], `r;s` FROM t"},
           Case{"SELECT a FROM t WHERE b = 'end.' AND c = '?'",
                "SELECT a FROM t WHERE b = 'end.' AND c = '?'"},
           Case{"SELECT a FROM t WHERE b LIKE '%```%'", "SELECT a FROM t WHERE b LIKE '%```%'"},
       }) {
    expect_sql(c);
  }
}

TEST(Extract, comments_are_left_out) {
  for (const Case& c : {
           Case{"-- all names; SELECT nothing\nSELECT a FROM t", "SELECT a FROM t"},
           Case{"SELECT a -- the name; of it\nFROM t", "SELECT a \nFROM t"},
           Case{"SELECT a FROM t -- done", "SELECT a FROM t"},
           Case{"SELECT a/* SELECT b; */FROM t", "SELECT a FROM t"},
           Case{"/* SELECT b\nFROM u; */\nSELECT a FROM t", "SELECT a FROM t"},
           Case{"SELECT a FROM t\n-- only the old ones\nWHERE b > 1",
                "SELECT a FROM t\n\nWHERE b > 1"},
           Case{"```sql\n-- Get the names\nSELECT a FROM t;\n```", "SELECT a FROM t"},
       }) {
    expect_sql(c);
  }
}

TEST(Extract, code_fences) {
  for (const Case& c : {
           Case{"```sql\nSELECT a FROM t;\n```", "SELECT a FROM t"},
           Case{"```\nSELECT a FROM t\n```", "SELECT a FROM t"},
           Case{"```SQL\nselect a\n\nfrom t\n```\nThis selects a.", "select a\n\nfrom t"},
           Case{"```sqlite\nSELECT a FROM t", "SELECT a FROM t"},
           Case{"```sql SELECT a FROM t```", "SELECT a FROM t"},
           Case{"```SELECT a FROM t```", "SELECT a FROM t"},
           Case{"~~~sql\nSELECT a FROM t\n~~~", "SELECT a FROM t"},
           Case{"Here is the query:\n\n**\n```sql\nSELECT a FROM t;\n```\n**", "SELECT a FROM t"},
           Case{
               "First look at the table.\n```\nid | name\n```\nThen:\n```sql\nSELECT a FROM t\n```",
               "SELECT a FROM t"},
           Case{"```sql\nSELECT a FROM t\n```\n```sql\nSELECT b FROM t\n```", "SELECT b FROM t"},
           Case{"```sql\nSELECT a FROM t;\n```\nor\n```sql\nSELECT b FROM t;\n```",
                "SELECT a FROM t"},
           Case{"You can select the names like this.\n```sql\nSELECT a FROM t\n```",
                "SELECT a FROM t"},
           Case{"```sql\nSELECT a\nFROM t\nThe_alias\nWHERE b. c = 1\n```",
                "SELECT a\nFROM t\nThe_alias\nWHERE b. c = 1"},
           Case{"```sql\nSELECT a FROM t\nSELECT b FROM t\n```", "SELECT a FROM t"},
           Case{"```sql\nSELECT a FROM t\nThis query lists all a.", "SELECT a FROM t"},
           Case{"SELECT a FROM t\n```", "SELECT a FROM t"},
           Case{"SELECT a FROM t\n```\nOutput: SELECT\n```", "SELECT a FROM t"},
           Case{"```sqlite3\nsqlite> SELECT a FROM t;\n```", "SELECT a FROM t"},
           Case{"````sql\nSELECT a FROM t\n````", "SELECT a FROM t"},
           Case{"```sql\r\nSELECT a\r\nFROM t;\r\n```", "SELECT a\r\nFROM t"},
       }) {
    expect_sql(c);
  }
}

TEST(Extract, labels_bullets_and_marks_before_it) {
  for (const Case& c : {
           Case{"SQL: SELECT a FROM t", "SELECT a FROM t"},
           Case{"SQL:\nSELECT a FROM t", "SELECT a FROM t"},
           Case{"sql\nSELECT a FROM t", "SELECT a FROM t"},
           Case{"Answer: SELECT a FROM t;", "SELECT a FROM t"},
           Case{"**SQL Query:** SELECT a FROM t", "SELECT a FROM t"},
           Case{"1. SELECT a FROM t", "SELECT a FROM t"},
           Case{"- SELECT a FROM t", "SELECT a FROM t"},
           Case{"> SELECT a FROM t", "SELECT a FROM t"},
           Case{"The query is: `SELECT a FROM t`", "SELECT a FROM t"},
           Case{"The query is `SELECT a FROM t WHERE b = 'x;y'`, which lists a.",
                "SELECT a FROM t WHERE b = 'x;y'"},
           Case{"**SELECT a FROM t**", "SELECT a FROM t"},
           Case{"\"SELECT a FROM t WHERE b = 'x'\"", "SELECT a FROM t WHERE b = 'x'"},
           Case{"\"SELECT a FROM t WHERE b = \"x\"\" is the answer",
                "SELECT a FROM t WHERE b = \"x\""},
           Case{"{\"sql\": \"SELECT a FROM t\", \"note\": \"from t\"}", "SELECT a FROM t"},
           Case{"<sql>SELECT a FROM t</sql>", "SELECT a FROM t"},
           Case{"Use this (SELECT a FROM t) here", "SELECT a FROM t"},
           Case{"(SELECT a FROM t)", "SELECT a FROM t"},
           Case{"(SELECT a FROM t) UNION (SELECT b FROM u)",
                "(SELECT a FROM t) UNION (SELECT b FROM u)"},
           Case{"To find them, use SELECT a FROM t", "SELECT a FROM t"},
           Case{"you could use select a from t where b > 1", "select a from t where b > 1"},
       }) {
    expect_sql(c);
  }
}

TEST(Extract, explanations_behind_it) {
  for (const Case& c : {
           Case{"SELECT a FROM t\n\nThis query selects a from t.", "SELECT a FROM t"},
           Case{"SELECT a FROM t\nThis query selects a from t.", "SELECT a FROM t"},
           Case{"SELECT a FROM t\nExplanation: we select a.", "SELECT a FROM t"},
           Case{"SELECT a FROM t\nIn this query, we select a.", "SELECT a FROM t"},
           Case{"SELECT a FROM t\n\nWhere t is the table.", "SELECT a FROM t"},
           Case{"SELECT a FROM t. This query selects a.", "SELECT a FROM t"},
           Case{"SELECT a FROM t LIMIT 1.", "SELECT a FROM t LIMIT 1"},
           Case{"SELECT a FROM t WHERE b > 1.5 AND c < 2.",
                "SELECT a FROM t WHERE b > 1.5 AND c < 2"},
           Case{"SELECT a FROM t\n\nQuestion: How many?\nSQL:\nSELECT count(*) FROM t",
                "SELECT a FROM t"},
           Case{"SELECT a FROM t\n\nDatabase:\n# t ( a )\nQuestion: x\nSQL:\nSELECT b FROM t",
                "SELECT a FROM t"},
           Case{"SELECT a FROM t # all of them", "SELECT a FROM t"},
           Case{"SELECT a FROM t\n* lists a\n* of t", "SELECT a FROM t"},
           Case{"SELECT *\nThis gives all.", "SELECT *"},
           Case{"SELECT t.* FROM t\n1. First", "SELECT t.* FROM t"},
           Case{"SELECT count(*)\nFROM t", "SELECT count(*)\nFROM t"},
           Case{"SELECT a FROM t WHERE b =\n  'x'\nNote that b is text.",
                "SELECT a FROM t WHERE b =\n  'x'"},
           Case{"SELECT a FROM t\n\nWHERE b > 1", "SELECT a FROM t\n\nWHERE b > 1"},
           Case{"SELECT a FROM t\nor\nSELECT b FROM t", "SELECT a FROM t\nor\nSELECT b FROM t"},
           Case{"SELECT a FROM t WHERE b = 'Joe\n\nThis isn't all",
                "SELECT a FROM t WHERE b = 'Joe"},
       }) {
    expect_sql(c);
  }
}

TEST(Extract, sentences_with_select_are_passed_over) {
  for (const Case& c : {
           Case{"We need to select the names from the singer table.\n\nSELECT name FROM singer",
                "SELECT name FROM singer"},
           Case{"Select the name of each singer:\nSELECT name FROM singer",
                "SELECT name FROM singer"},
           Case{"Select names of singers.\nselect name from singer", "select name from singer"},
           Case{"With this query we select names:\nSELECT name FROM singer",
                "SELECT name FROM singer"},
           Case{"Use a SELECT statement with WHERE.\nSELECT name FROM singer",
                "SELECT name FROM singer"},
           Case{"The `SELECT` keyword picks columns. SELECT name FROM singer",
                "SELECT name FROM singer"},
           Case{"I'd join, then select name from the table: SELECT name FROM singer",
                "SELECT name FROM singer"},
           Case{"SELECT a FROM t", "SELECT a FROM t"},
           Case{"SELECT a, the FROM t", "SELECT a, the FROM t"},
           Case{"SELECT data FROM t", "SELECT data FROM t"},
           Case{"SELECT ALL name FROM t", "SELECT ALL name FROM t"},
       }) {
    expect_sql(c);
  }
}

TEST(Extract, other_statements_are_passed_over_with_what_they_hold) {
  for (const Case& c : {
           Case{"INSERT INTO t SELECT a FROM u; SELECT b FROM t", "SELECT b FROM t"},
           Case{"CREATE TABLE x AS\nSELECT a FROM t;\nSELECT a FROM x", "SELECT a FROM x"},
           Case{"DROP TABLE t; SELECT 1", "SELECT 1"},
           Case{"```sql\nCREATE VIEW v AS SELECT a FROM t;\n\nSELECT a FROM v;\n```",
                "SELECT a FROM v"},
           Case{"Update the list, then:\nSELECT a FROM t", "SELECT a FROM t"},
       }) {
    expect_sql(c);
  }
}

TEST(Extract, chat_tokens_and_thoughts_end_and_begin_the_answer) {
  for (const Case& c : {
           Case{"SELECT a FROM t<|im_end|>\n<|im_start|>user\nSELECT b FROM t", "SELECT a FROM t"},
           Case{"SELECT a FROM t<|eot_id|>", "SELECT a FROM t"},
           Case{"<|start_header_id|>assistant<|end_header_id|>\n\nSELECT a FROM t<|eot_id|>",
                "SELECT a FROM t"},
           Case{"<|im_start|>assistant\nSELECT a FROM t", "SELECT a FROM t"},
           Case{"SELECT a FROM t</s>", "SELECT a FROM t"},
           Case{"<think>Maybe SELECT b FROM t?</think>\nSELECT a FROM t", "SELECT a FROM t"},
       }) {
    expect_sql(c);
  }
}

TEST(Extract, an_answer_without_a_statement_has_none) {
  for (const char* blank : {"", " \n\t", "<|im_end|>", "\n<|eot_id|>SELECT a FROM t"}) {
    EXPECT_EQ(extract_sql(blank).found, Found::empty_output) << blank;
    EXPECT_EQ(extract_sql(blank).sql, "");
  }
  for (const char* prose :
       {"I do not know.", ";", "-- SELECT a FROM t", "/* SELECT a FROM t */", "```sql\n```", "42",
        "You should select the name of the singers from the table.",
        "INSERT INTO t SELECT a FROM u", "DELETE FROM t WHERE a IN (SELECT a FROM u);",
        "EXPLAIN QUERY PLAN SELECT a FROM t", "With love", "Use SELECT and WHERE.",
        "selected FROM t", "<think>SELECT a FROM t", "Please use SELECT"}) {
    EXPECT_EQ(extract_sql(prose).found, Found::no_sql) << prose << " -> " << extract_sql(prose).sql;
    EXPECT_EQ(extract_sql(prose).sql, "");
  }
}

TEST(Extract, every_dev_gold_survives_lower_case_and_one_clause_a_line) {
  const Spider spider = load_spider(kData / "spider");
  const std::set<std::string> clauses = {"from",  "where", "group",     "order",  "having", "limit",
                                         "union", "join",  "intersect", "except", "on",     "and"};
  for (const SpiderExample& example : spider.dev) {
    std::string small(strip_end(example.query));
    for (char& c : small) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (const char* between : {"\n", "\n\t", "\t"}) {
      std::string lines, word;
      std::istringstream words(small);
      while (words >> word)
        lines += (lines.empty() ? "" : clauses.contains(word) ? between : " ") + word;
      ASSERT_EQ(extract_sql(lines).sql, lines);
      ASSERT_EQ(extract_sql("```sql\n" + lines + "\n```").sql, lines);
      ASSERT_EQ(extract_sql("SQL:\n" + lines + "\n\nThis lists them.").sql, lines);
    }
  }
}

TEST(Extract, every_gold_query_comes_back_from_every_wrapping) {
  const Spider spider = load_spider(kData / "spider");
  std::vector<std::string> golds;
  for (const auto* part : {&spider.dev, &spider.train}) {
    for (const SpiderExample& example : *part) golds.push_back(example.query);
  }
  const std::pair<const char*, const char*> wrappings[] = {
      {"", ""},
      {"", ";"},
      {" ", "\n"},
      {"```sql\n", "\n```"},
      {"```sql\n", ";\n```\n\nThis query returns the answer. It uses SELECT."},
      {"```\n", ""},
      {"SQL: ", "\n\nQuestion: Which?\nSQL: SELECT 1"},
      {"Here is the SQLite query that answers the question:\n\n",
       "\n\nThe query selects from the table."},
      {"To answer this, select the rows we want.\n\n**Query:** ", "\n\nNote: nothing else."},
      {"The query is `", "`."},
      {"**", "**"},
      {"<sql>", "</sql>"},
      {"", "<|im_end|>"},
      {"-- the answer\n", " -- done"},
  };
  std::size_t checked = 0;
  for (const std::string& gold : golds) {
    std::string expected = gold;
    while (!expected.empty() &&
           std::string_view("; \t\n").find(expected.back()) != std::string_view::npos) {
      expected.pop_back();
    }
    expected = expected.substr(expected.find_first_not_of(" \t\n"));
    for (const auto& [before, behind] : wrappings) {
      ASSERT_EQ(extract_sql(before + expected + behind).sql, expected)
          << before << expected << behind;
      ++checked;
    }
    ASSERT_EQ(extract_sql(gold).sql, expected);
  }
  EXPECT_EQ(checked, 8034 * std::size(wrappings));
}

TEST(Extract, whatever_a_model_writes_gives_one_of_the_three) {
  const std::string_view pieces[] = {
      "SELECT", "select ", "WITH x AS (",  " FROM t",    "```",      "```sql\n", "`", "'",
      "\"",     ";",       "--",           "/*",         "*/",       "(",        ")", "\n",
      "\n\n",   " the ",   "INSERT INTO ", "<|im_end|>", "</think>", "[",        "]", "**",
      ".",      ",",       "\xE4",         "\0",         "UNION",    "1",        "*", ": "};
  SeedStream stream(0, "answers");
  std::size_t statements = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string answer;
    for (std::uint64_t n = stream.below(24); n > 0; --n)
      answer += pieces[stream.below(std::size(pieces))];
    const Extracted found = extract_sql(answer);
    EXPECT_EQ(found.sql.empty(), found.found != Found::statement) << answer;
    if (found.sql.empty()) continue;
    ++statements;
    const std::string start = found.sql.substr(0, found.sql[0] == '(' ? std::string::npos : 6);
    EXPECT_TRUE(start == "SELECT" || start == "select" || start.starts_with("WITH") ||
                start[0] == '(')
        << answer;
    EXPECT_LE(found.sql.size(), answer.size() + 1);
  }
  EXPECT_GT(statements, 1000u);
}

TEST(Extract, long_answers_take_linear_time) {
  std::string answer;
  for (int i = 0; i < 20000; ++i) answer += "INSERT the (select \" /* ` one\n";
  extract_sql(answer);
  answer.clear();
  for (int i = 0; i < 20000; ++i) answer += "select the name of it, ";
  EXPECT_EQ(extract_sql(answer).found, Found::no_sql);
}

// Whatever is repeated: 320 kB within seconds. Quadratic, it took 16 times what 80 kB took:
// minutes.
TEST(Extract, any_part_repeated_takes_linear_time) {
  for (const std::string part : {"(select a from t) union ",
                                 "(select a) union ",
                                 "(select a from the x) union ",
                                 "select ",
                                 "with ",
                                 "with a (",
                                 "/* */ select a from t; ",
                                 "select a from t; ",
                                 "'select a from t' ",
                                 "`select a from t` or ",
                                 "- select the a ",
                                 "sql: select a ",
                                 "select a, b from the cat. ",
                                 "x\n\nselect the ",
                                 "(with x as (select 1) select * from x) union ",
                                 "select 'a",
                                 "insert into ",
                                 "(select ",
                                 "/* select a ",
                                 "select a from (",
                                 "explain select "}) {
    std::string answer;
    while (answer.size() < 320'000) answer += part;
    const Stopwatch clock;
    extract_sql(answer);
    EXPECT_LT(clock.seconds(), kSlowBuild ? 60 : 5) << part;
  }
}

TEST(Extract, one_line_takes_the_breaks_out) {
  EXPECT_EQ(one_line(" SELECT a\r\nFROM\tt \n"), "SELECT a  FROM t");
}

}  // namespace
}  // namespace tradeoff::task
