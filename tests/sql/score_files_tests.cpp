#include "tradeoff/sql/files/score_files.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

#include "spider_files.hpp"
#include "temporary_folder.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::sql {
namespace {

namespace fs = std::filesystem;

struct ScoreFiles : testing::Test {
  TemporaryFolder folder;
  ScoreFilesOptions options;
  std::string printed;

  void SetUp() override {
    options.db = kSpider / "database";
    options.table = kSpider / "tables.json";
    options.out = folder.path() / "rows.jsonl";
  }
  void files(std::string_view gold, std::string_view predictions,
             const std::string& name = "pred.sql") {
    options.gold = folder.write("gold.sql", gold);
    options.pred = folder.write(name, predictions);
  }
  std::vector<ScoredRow> score() {
    std::ostringstream out;
    auto rows = score_files(options, out);
    printed = out.str();
    return rows;
  }
  std::vector<Json> written() const {
    std::vector<Json> rows;
    for_each_json_line(options.out, [&](Json& row, std::size_t) { rows.push_back(row); });
    return rows;
  }
  // The text of the Error that score() throws.
  std::string failure() {
    try {
      score();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
};

#define EXPECT_HAS(text, part) EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

// The next two are rebuilt from public reports.
TEST_F(ScoreFiles, hidden_and_foreign_files_beside_a_database_are_no_variants) {
  const fs::path own = folder.path() / "db" / "pets_1";
  fs::create_directories(own);
  fs::copy_file(kSpider / "database/pets_1/pets_1.sqlite", own / "pets_1.sqlite");
  std::ofstream(own / "._pets_1.sqlite") << std::string(144, '\5');
  std::ofstream(own / "notes.sqlite") << "no database";
  std::ofstream(own / "empty.sqlite");
  options.db = folder.path() / "db";
  options.etype = "exec";
  files("SELECT count(*) FROM pets\tpets_1\n", "SELECT count(*) FROM pets\n");
  const auto rows = score();
  EXPECT_EQ(rows[0].verdict.exec, true) << rows[0].verdict.message;
  files("SELECT nothing FROM pets\tpets_1\n", "SELECT count(*) FROM pets\n");
  EXPECT_HAS(failure(), "nothing was scored");
}

TEST_F(ScoreFiles, rows_have_the_keys_of_the_contract_and_null_for_what_was_not_computed) {
  files("SELECT count(*) FROM singer\tconcert_singer\nSELECT name FROM singer\tconcert_singer\n",
        "SELECT count(*) FROM singer\nSELECT nme FROM singer\n");
  options.etype = "all";
  score();
  const auto rows = written();
  ASSERT_EQ(rows.size(), 2u);
  std::string keys;
  for (const auto& [key, value] : rows[0].items()) keys += key + " ";
  EXPECT_EQ(keys,
            "id db_id hardness exec exec_keep_distinct match set strict soft_f1 outcome "
            "error_class message ");
  EXPECT_EQ(to_line(rows[0]),
            R"({"id":0,"db_id":"concert_singer","hardness":"easy","exec":true,)"
            R"("exec_keep_distinct":true,"match":true,"set":true,"strict":true,"soft_f1":1.0,)"
            R"("outcome":"ok","error_class":null,"message":null})");
  EXPECT_EQ(rows[1].at("id"), 1);
  EXPECT_EQ(rows[1].at("error_class"), "column_misspelt");
  EXPECT_EQ(rows[1].at("outcome"), "sql_error");
  EXPECT_HAS(rows[1].at("message").get<std::string>(), "the column is `Name` of `singer`");

  options.etype = "exec";
  score();
  EXPECT_TRUE(written()[0].at("match").is_null());
  options.etype = "match";
  score();
  for (const char* key : {"exec", "exec_keep_distinct", "set", "strict", "soft_f1"})
    EXPECT_TRUE(written()[0].at(key).is_null()) << key;
}

TEST_F(ScoreFiles, exec_follows_the_flags) {
  files("SELECT DISTINCT country FROM singer\tconcert_singer\n", "SELECT country FROM singer\n");
  EXPECT_EQ(score()[0].verdict.exec, true);
  EXPECT_EQ(score()[0].verdict.exec_keep_distinct, false);
  options.keep_distinct = true;
  EXPECT_EQ(score()[0].verdict.exec, false);
  files("SELECT name FROM singer WHERE age > 30\tconcert_singer\n",
        "SELECT name FROM singer WHERE age > 99\n");
  EXPECT_EQ(score()[0].verdict.exec, false);
  options.plug_value = true;
  EXPECT_EQ(score()[0].verdict.exec, true);
}

TEST_F(ScoreFiles, no_row_depends_on_the_number_of_threads) {
  std::string gold, predictions;
  const auto golds = dev_golds();
  for (std::size_t i = 0; i < golds.size(); i += 5) {
    gold += golds[i].sql + "\t" + golds[i].db_id + "\n";
    predictions += golds[(i * 7 + 3) % golds.size()].sql + "\n";
  }
  files(gold, predictions);
  options.etype = "all";
  options.details = true;
  score();
  const std::string before = printed;
  const auto rows = written();
  options.threads = 3;
  score();
  EXPECT_EQ(printed, before);
  EXPECT_EQ(written(), rows);
}

TEST_F(ScoreFiles, files_of_different_length_are_refused_with_both_lengths) {
  const std::string line = "SELECT 1\tconcert_singer\n";
  for (const char* predictions : {"", "SELECT 1\n", "SELECT 1\n\n\nSELECT 1\n", "1\n2\n3\n4\n"}) {
    files(line + line + line, predictions);
    const std::string text = failure();
    if (std::string_view(predictions).starts_with("SELECT 1\n\n")) {
      EXPECT_HAS(text, "has 4 lines and");
    } else if (*predictions == '1') {
      EXPECT_HAS(text, "pred.sql has 4 lines and");
    }
    EXPECT_HAS(text, "gold.sql has 3: expected one prediction a gold line");
  }
  // Blank lines behind the last gold, a last line without its newline, Windows' line ends.
  files(line + line + line + "\n\n", "SELECT 1\r\n\r\nSELECT 1\r\n\n\n");
  EXPECT_EQ(score().size(), 3u);
  files("\xEF\xBB\xBF" + line + line, "SELECT 1\nSELECT 1");
  const auto rows = score();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].verdict.exec, true);
}

TEST_F(ScoreFiles, a_line_blank_in_both_files_separates_sessions) {
  const std::string line = "SELECT 1\tconcert_singer\n";
  files(line + line + "\n" + line, "SELECT 1\nSELECT 2\n\nSELECT 1\n");
  const auto rows = score();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[2].session, 1);
  EXPECT_EQ(rows[2].id, "3");
  EXPECT_HAS(printed, "joint_all");
  EXPECT_HAS(printed, "TURN EXECUTION ACCURACY");
  files(line + "\n" + line, "SELECT 1\nSELECT 2\nSELECT 1\n");
  EXPECT_HAS(failure(), "pred.sql:2: found a prediction where");
}

TEST_F(ScoreFiles, any_bytes_are_a_prediction) {
  std::mt19937 random(1);
  std::string gold, predictions;
  for (int i = 0; i < 300; ++i) {
    std::string line = i % 3 ? "SELECT " : "";
    for (int k = 0; k < i; ++k) {
      const char c = static_cast<char>(random() % 256);
      line.push_back(c == '\n' ? ' ' : c);
    }
    gold += "SELECT name FROM singer\tconcert_singer\n";
    predictions += line + "\n";
  }
  files(gold, predictions);
  options.etype = "all";
  EXPECT_EQ(score().size(), 300u);
  for (const Json& row : written()) {
    EXPECT_EQ(row.at("exec"), false);
    EXPECT_TRUE(row.at("error_class").is_string());
  }
}

TEST_F(ScoreFiles, a_gold_that_fails_is_reported_and_counted_apart) {
  files("SELECT nosuch FROM singer\tconcert_singer\nSELECT 1 FROM singer\tconcert_singer\n",
        "SELECT 1\nSELECT 1 FROM singer\n");
  const auto rows = score();
  EXPECT_EQ(name_of(rows[0].verdict.outcome), "gold_error");
  EXPECT_FALSE(rows[0].verdict.exec.has_value());
  EXPECT_EQ(rows[1].verdict.exec, true);
  EXPECT_HAS(printed,
             "1 gold queries failed; their rows are not counted:\n  0 (concert_singer): "
             "gold: sql_error: no such column: nosuch");
  EXPECT_HAS(printed,
             "execution            0.000                0.000                0.000        "
             "        0.000                1.000");
  EXPECT_TRUE(written()[0].at("exec").is_null());
}

TEST_F(ScoreFiles, whatever_is_missing_is_named_before_a_query_runs) {
  files("SELECT 1\tnowhere\nSELECT 1\tnirgends\nSELECT 1\tconcert_singer\n",
        "SELECT 1\nSELECT 1\nSELECT 1\n");
  const std::string missing = failure();
  EXPECT_HAS(missing, "tables.json: no entry with db_id \"nowhere\"");
  EXPECT_HAS(missing, "tables.json: no entry with db_id \"nirgends\"");
  options.table.clear();
  EXPECT_HAS(failure(), "nowhere/nowhere.sqlite: no such database");
  EXPECT_FALSE(fs::exists(options.out));
  files("SELECT 1 concert_singer\n", "SELECT 1\n");
  EXPECT_HAS(failure(), "gold.sql:1: expected a query, one tab and a db_id");
  fs::resize_file(options.gold, std::uintmax_t{2} << 30);
  EXPECT_HAS(failure(), "gold.sql:2: found no line end in 256 MiB");
  files("SELECT 1\t../concert_singer\n", "SELECT 1\n");
  EXPECT_HAS(failure(), "no such database");
}

TEST_F(ScoreFiles, a_corrupt_database_is_an_error_that_names_it) {
  fs::create_directories(folder.path() / "db/concert_singer");
  const std::string file = "db/concert_singer/concert_singer.sqlite";
  fs::copy_file(kSpider / "database/concert_singer/concert_singer.sqlite", folder.path() / file);
  options.db = folder.path() / "db";
  files("SELECT name FROM singer\tconcert_singer\n", "SELECT name FROM singer\n");
  EXPECT_EQ(score()[0].verdict.exec, true);
  // The header is whole, the schema behind it is not.
  std::fstream bytes(folder.path() / file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(100);
  bytes << std::string(3'000, 'x');
  bytes.close();
  EXPECT_HAS(failure(), "concert_singer.sqlite");
  EXPECT_HAS(failure(), "malformed");
  folder.write(file,
               "no database at all, though the file is long enough to be taken for one......");
  EXPECT_HAS(failure(), "not a database");
}

TEST_F(ScoreFiles, json_lines_are_matched_by_id) {
  files("SELECT 1\tconcert_singer\nSELECT 2\tconcert_singer\n",
        "{\"id\": 1, \"sql\": \"SELECT 2\"}\n{\"id\": 0, \"text\": \"The answer: SELECT 1\"}\n",
        "pred.jsonl");
  options.extract = [](std::string_view text) { return std::string(text.substr(text.find("S"))); };
  auto rows = score();
  EXPECT_EQ(rows[0].verdict.exec, true);
  EXPECT_EQ(rows[1].verdict.exec, true);
  // As `predict` writes answers without a statement: words are told from silence.
  options.extract = [](std::string_view text) { return text.empty() ? "" : "--"; };
  files("SELECT 1\tconcert_singer\nSELECT 2\tconcert_singer\n",
        "{\"id\": 0, \"sql\": \"\", \"text\": \"Sorry.\"}\n"
        "{\"id\": 1, \"sql\": \"\", \"text\": \"\"}\n",
        "pred.jsonl");
  rows = score();
  EXPECT_EQ(rows[0].verdict.error_class, "no_sql");
  EXPECT_EQ(rows[1].verdict.error_class, "empty_output");
  files("SELECT 1\tconcert_singer\nSELECT 2\tconcert_singer\n", "{\"id\": 1, \"sql\": \"\"}\n",
        "pred.jsonl");
  EXPECT_HAS(failure(), "pred.jsonl: no row for 1 of 2 questions (id 0)");
  folder.write("pred.jsonl", "{\"id\": 7, \"sql\": \"\"}\n");
  EXPECT_HAS(failure(), "pred.jsonl:1: the id 7 is not in the gold file");
  folder.write("pred.jsonl", "{\"id\": 1, \"sql\": \"\"}\n{\"id\": 1, \"sql\": \"\"}\n");
  EXPECT_HAS(failure(), "pred.jsonl:2: the id 1 occurs twice");
  folder.write("pred.jsonl", "{\"id\": 1, \"sql\": 3}\n");
  EXPECT_HAS(failure(), "pred.jsonl:1:");
  folder.write("pred.jsonl", "{\"id\": 18446744073709551615, \"sql\": \"\"}\n");
  EXPECT_HAS(failure(),
             "pred.jsonl:1: key \"id\": found 18446744073709551615, expected an integer");
  folder.write("pred.jsonl", "{\"bird\": \"x\", \"sql\": \"\"}\n");
  EXPECT_HAS(failure(), "pred.jsonl:1: the id x is not in the gold file");
  folder.write("pred.jsonl", "{\"doc_id\": 1}\n");
  EXPECT_HAS(failure(), "pred.jsonl:1: found neither \"filtered_resps\" nor \"resps\"");
}

TEST_F(ScoreFiles, samples_of_lm_evaluation_harness_need_no_gold_file) {
  const char* samples = R"({"doc_id": 0, "doc": {"db_id": "concert_singer", "query": "SELECT 1"}, )"
                        R"("resps": [["so: SELECT 1"]], "filtered_resps": ["SELECT 1"]})"
                        "\n"
                        R"({"doc_id": 1, "doc": {"db_id": "concert_singer", "query": "SELECT 2"}, )"
                        R"("resps": [["SELECT 3"]]})"
                        "\n";
  files("SELECT 1\tconcert_singer\nSELECT 2\tconcert_singer\n", samples, "samples_spider.jsonl");
  for (const bool with_gold : {true, false}) {
    if (!with_gold) options.gold.clear();
    const auto rows = score();
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].verdict.exec, true);
    EXPECT_EQ(rows[1].verdict.exec, false);
    EXPECT_EQ(rows[1].verdict.error_class, "value");
  }
  folder.write("samples_spider.jsonl", "{\"doc_id\": 0, \"resps\": [[\"\"]]}\n");
  EXPECT_HAS(failure(), "samples_spider.jsonl:1: without --gold, expected a sample with \"doc\"");
}

TEST_F(ScoreFiles, details_audit_the_golds_and_add_up) {
  files(
      "SELECT name FROM singer WHERE age > 900\tconcert_singer\n"
      "SELECT country FROM singer ORDER BY country LIMIT 1\tconcert_singer\n"
      "SELECT name FROM singer ORDER BY is_male LIMIT 1\tconcert_singer\n"
      "SELECT name FROM singer WHERE country = \"France\"\tconcert_singer\n"
      "SELECT nosuch FROM singer\tconcert_singer\n",
      "SELECT 1 WHERE 0\nSELECT 1\nSELECT nme FROM singer\n\nSELECT 1\n");
  options.details = true;
  score();
  EXPECT_HAS(printed, "fail                     1          4\n");
  EXPECT_HAS(printed, "return nothing           1          0\n");
  EXPECT_HAS(printed, "tie at their LIMIT       1          2\n");
  EXPECT_HAS(printed, "need \"x\" as a string     1          3\n");
  EXPECT_HAS(printed, "all wrong rows           3\n");
  EXPECT_HAS(printed,
             "column_misspelt          it names a column with at most two letters wrong\n");
  EXPECT_HAS(printed, "gold as prediction               4/4 = 1.000");
}

}  // namespace
}  // namespace tradeoff::sql
