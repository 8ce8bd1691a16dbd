// What models really wrote, as public reports have it, and answers of their kind.
#include <cctype>
#include <chrono>
#include <filesystem>

#include "extract_fixture.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff::task {
namespace {

// Rebuilt from public reports, and relatives of each.
TEST(Extract, answers_of_public_reports) {
  for (const Case& c : {
           Case{"SELECT name FROM student WHERE city ! = 'Rome'",
                "SELECT name FROM student WHERE city ! = 'Rome'"},
           Case{"select name from student where not city ! = 'Rome' and age > = 3",
                "select name from student where not city ! = 'Rome' and age > = 3"},
           Case{"SELECT name FROM student WHERE city !\n= 'Rome'",
                "SELECT name FROM student WHERE city !\n= 'Rome'"},
           Case{"SELECT T1. name FROM student AS T1 JOIN club AS T2 ON T1. id = T2. student_id "
                "WHERE T2. title = 'golf'",
                "SELECT T1. name FROM student AS T1 JOIN club AS T2 ON T1. id = T2. student_id "
                "WHERE T2. title = 'golf'"},
           Case{"select t1 . name from student as t1 join club as t2 on t1 . id = t2 . student_id "
                "where t2 . title = 'golf'",
                "select t1 . name from student as t1 join club as t2 on t1 . id = t2 . student_id "
                "where t2 . title = 'golf'"},
           Case{"SELECT count(T1 . id) , T1. city FROM student AS T1 GROUP BY T1. city",
                "SELECT count(T1 . id) , T1. city FROM student AS T1 GROUP BY T1. city"},
           Case{"SELECT student. * FROM student ORDER BY student. age DESC. This sorts.",
                "SELECT student. * FROM student ORDER BY student. age DESC"},
           Case{"SELECT name FROM student ORDER BY name. This query sorts.",
                "SELECT name FROM student ORDER BY name"},
           Case{"SELECT name FROM student WHERE age > 7. AND city = 'Rome'",
                "SELECT name FROM student WHERE age > 7. AND city = 'Rome'"},
           Case{"select name from student where age > 7. group by name",
                "select name from student where age > 7. group by name"},
           Case{"SELECT name FROM student WHERE age > 7. And that is all.",
                "SELECT name FROM student WHERE age > 7"},
           Case{"SELECT name FROM student WHERE age\n+ 1 > 20 AND city != 'Rome'",
                "SELECT name FROM student WHERE age\n+ 1 > 20 AND city != 'Rome'"},
           Case{"SELECT age\n- score\nFROM student", "SELECT age\n- score\nFROM student"},
           Case{"SELECT name FROM student WHERE age\n* (2) > 3",
                "SELECT name FROM student WHERE age\n* (2) > 3"},
           Case{"SELECT name FROM student\n- name: the name\n+ more", "SELECT name FROM student"},
           Case{"select count(*)\nfrom student\nwhere city = 'Oslo'",
                "select count(*)\nfrom student\nwhere city = 'Oslo'"},
           Case{"Select name\nFrom student;", "Select name\nFrom student"},
           Case{"SELECT name\nFrom student\nWhere age > 3\nOrder By name\nLimit 3",
                "SELECT name\nFrom student\nWhere age > 3\nOrder By name\nLimit 3"},
           Case{"select \"name\"from student", "select \"name\"from student"},
           Case{"select name\tfrom\tstudent", "select name\tfrom\tstudent"},
           Case{"select\n\tname\nfrom\n\tstudent", "select\n\tname\nfrom\n\tstudent"},
           Case{"To select the names from student we filter.\nselect name from student",
                "select name from student"},
           Case{"select 1", "select 1"},
       }) {
    expect_sql(c);
  }
}

// The reports' own answers, whole, with the statement that each means; blanks and case aside.
TEST(Extract, reported_answers_give_the_statement_that_they_mean) {
  const auto bare = [](std::string_view sql) {
    std::string text;
    for (const char c : sql)
      if (!std::isspace(static_cast<unsigned char>(c)) && c != ';')
        text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  };
  std::size_t seen = 0;
  for_each_json_line(
      std::filesystem::path(TRADEOFF_SOURCE_DIR) / "tests/task/reported_answers.jsonl",
      [&](Json& row, std::size_t) {
        ++seen;
        const auto text = field<std::string>(row, "text");
        EXPECT_EQ(bare(extract_sql(text).sql), bare(field<std::string>(row, "want"))) << text;
      });
  EXPECT_EQ(seen, 14u);
}

TEST(Extract, a_later_fence_or_correction_takes_the_place) {
  for (const Case& c : {
           Case{"intermediate_sql\n```sql\nSELECT DISTINCT city FROM student\n```\nfinal sql\n"
                "```sql\nSELECT name FROM student\n```",
                "SELECT name FROM student"},
           Case{
               "```sql\nSELECT a FROM t\n```\nNow count them.\n```sql\nSELECT count(*) FROM t\n```",
               "SELECT count(*) FROM t"},
           Case{"```sql\nSELECT name FROM students\n```\nWait, the table is called student. The "
                "corrected query is:\n```sql\nSELECT name FROM student\n```",
                "SELECT name FROM student"},
           Case{"SELECT name FROM students\n\nSorry, that was wrong. Correct query:\n\nSELECT name "
                "FROM student;",
                "SELECT name FROM student"},
           Case{"SELECT name FROM students\n\nActually:\n```sql\nSELECT name FROM student\n```",
                "SELECT name FROM student"},
           Case{"```sql\nSELECT a FROM t\n```\nAlternatively:\n```sql\nSELECT b FROM t\n```",
                "SELECT a FROM t"},
           Case{"```sql\nSELECT a FROM t WHERE b\n```\nThe parts:\n```sql\nSELECT a\n```",
                "SELECT a FROM t WHERE b"},
           Case{"```sql\nSELECT a FROM t\n```\n\nQuestion: two?\n```sql\nSELECT b FROM t\n```",
                "SELECT a FROM t"},
       }) {
    expect_sql(c);
  }
  EXPECT_EQ(extract_sql("```\nSELECT a FROM t\n```\n```\nSELECT b FROM t\n```").rule,
            Extracted::Rule::last_fence);
  EXPECT_EQ(name_of(extract_sql("SELECT a FROM t").rule), "opening");
}

TEST(Extract, other_tags_of_reasoning_json_and_boxes) {
  for (const Case& c : {
           Case{"<thinking>SELECT b FROM u</thinking>\nSELECT a FROM t", "SELECT a FROM t"},
           Case{"<Reasoning>SELECT b FROM u</Reasoning><answer>SELECT a FROM t</answer>",
                "SELECT a FROM t"},
           Case{"[THINK]SELECT b FROM u[/THINK]SELECT a FROM t", "SELECT a FROM t"},
           Case{"<|channel|>analysis<|message|>SELECT b FROM u<|end|><|start|>assistant<|channel|>"
                "final<|message|>SELECT a FROM t<|return|>",
                "SELECT a FROM t"},
           Case{R"({"sql": "SELECT a\nFROM t\nWHERE b = \"x\""})",
                "SELECT a\nFROM t\nWHERE b = \"x\""},
           Case{R"({"reasoning": "SELECT b FROM u is wrong", "sql": "select a\n\tfrom t"})",
                "select a\n\tfrom t"},
           Case{"```json\n{\"answer\": \"The query is:\\nSELECT a\\nFROM t\"}\n```",
                "SELECT a\nFROM t"},
           Case{R"(SELECT a\nFROM t)", "SELECT a FROM t"},
           Case{R"($\boxed{SELECT first\_name FROM t}$)", "SELECT first_name FROM t"},
           Case{R"(First SELECT b FROM u. So \boxed{\text{SELECT a FROM t WHERE b = '{x}'}})",
                "SELECT a FROM t WHERE b = '{x}'"},
           Case{"```sql\nSELECT b FROM u\n```\n\\boxed{SELECT a FROM t}", "SELECT a FROM t"},
       }) {
    expect_sql(c);
  }
  EXPECT_EQ(extract_sql("<thinking>SELECT a FROM t").found, Found::no_sql);
}

// A quadratic reading of a megabyte takes minutes, and one call a nested wrapper ends the stack.
TEST(Extract, wrappers_in_any_number_or_depth_take_linear_time) {
  for (const char* unit : {"<answer>", "<answer>x</answer>", "</answer>", "<ANSWER>select 1\n",
                           "\\boxed{", "\"sql\": \"", "\"sql\": \"x\", ", "<final_sql>"}) {
    std::string answer;
    while (answer.size() < 1'000'000) answer += unit;
    const auto begin = std::chrono::steady_clock::now();
    extract_sql(answer);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << unit;
  }
  expect_sql({"<answer><answer>```sql\nSELECT a FROM t\n```</answer></answer>", "SELECT a FROM t"});
  std::string deep = "SELECT a FROM t";
  for (int i = 0; i < 20; ++i) {
    deep.insert(0, "<answer>");
    deep += "</answer>";
  }
  EXPECT_EQ(extract_sql(deep).found, Found::statement);
}

}  // namespace
}  // namespace tradeoff::task
