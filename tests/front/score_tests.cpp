#include "program.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/store/predictions_file.hpp"

namespace {

const std::string kData =
    " --db '" TRADEOFF_SOURCE_DIR "/jobs/data/spider/database' --table '" TRADEOFF_SOURCE_DIR
    "/jobs/data/spider/tables.json'";

using tradeoff::Json;

TEST_F(Program, score_takes_the_official_flags_and_prints_the_official_table) {
  const std::string gold = file("gold.sql", "SELECT count(*) FROM singer\tconcert_singer\n");
  const std::string pred = file("pred.sql", "SELECT count(*) FROM singer\n");
  const auto scored = run("score --gold " + gold + " --pred " + pred + kData +
                          " --etype all --plug_value --keep-distinct"
                          " --progress_bar_for_each_datapoint --out '" +
                          (folder / "rows.jsonl").string() + "'");
  EXPECT_EQ(scored.code, 0) << scored.err;
  EXPECT_TRUE(scored.out.starts_with("                     easy                 medium  "))
      << scored.out;
  EXPECT_NE(scored.out.find("\nexecution            1.000 "), std::string::npos) << scored.out;
  EXPECT_NE(scored.out.find("\nexact match          1.000 "), std::string::npos) << scored.out;
  EXPECT_EQ(Json::parse(read(folder / "rows.jsonl")).at("exec"), true);
}

TEST_F(Program, score_says_at_once_what_its_options_lack) {
  const auto bad = run("score --pred answers.sql --etype match --arm base");
  EXPECT_EQ(bad.code, 2);
  for (const std::string part :
       {"--db: missing", "--gold: is required", "--arm: is for a predictions",
        "--table: is required by --etype match"})
    EXPECT_NE(bad.err.find(part), std::string::npos) << part << " in\n" << bad.err;
  const auto stored = run("score --pred x.h5 --gold g.sql" + kData);
  EXPECT_EQ(stored.code, 2);
  EXPECT_NE(stored.err.find("holds its own gold"), std::string::npos) << stored.err;
}

TEST_F(Program, score_takes_the_letters_of_predict) {
  const auto item = [](const std::string& id, const std::string& subject, const char* answer) {
    return R"({"id":")" + id + R"(","subject":")" + subject + R"(","group":"stem","prompt":"p",)" +
           R"("choices":[" A"," B"," C"," D"],"answer":")" + answer + "\"}\n";
  };
  const auto row = [](const std::string& id, const char* logprobs) {
    return R"({"id":")" + id + R"(","choice_logprobs":)" + logprobs + R"(,"prompt_tokens":9})" +
           "\n";
  };
  const std::string gold =
      file("mmlu.jsonl", item("a/0", "a", "B") + item("a/1", "a", "A") + item("b/0", "b", "D"));
  const std::string answers = row("b/0", "[-9,-9,-9,-1]") + row("a/0", "[-2,-1,-3,-4]");
  const std::string pred = file("pred.jsonl", answers + row("a/1", "[-2,-1,-3,-4]"));
  const std::string rows = (folder / "rows.jsonl").string();
  const auto scored = run("score --gold " + gold + " --pred " + pred + " --out " + rows);
  EXPECT_EQ(scored.code, 0) << scored.err;
  EXPECT_NE(scored.out.find("     2      3   0.667   0.208 to 0.939"), std::string::npos)
      << scored.out;
  EXPECT_NE(scored.out.find("subject\na  "), std::string::npos) << scored.out;
  EXPECT_EQ(scored.out.find("group"), std::string::npos) << "one group is all";
  const std::string written = read(rows);
  EXPECT_EQ(Json::parse(written.substr(0, written.find('\n'))), Json({{"id", "a/0"},
                                                                      {"subject", "a"},
                                                                      {"group", "stem"},
                                                                      {"answer", "B"},
                                                                      {"gold", "B"},
                                                                      {"correct", true}}));

  const auto refused = [&](const std::string& lines, const std::string& more, const char* says) {
    const auto bad = run("score --gold " + gold + " --pred " + file("bad.jsonl", lines) + more);
    EXPECT_NE(bad.code, 0);
    EXPECT_NE(bad.err.find(says), std::string::npos) << says << " in\n" << bad.err;
  };
  refused(answers, "", "no answer to item a/1");
  refused(answers + row("a/1", "[0,0,0,0]") + row("c/0", "[0,0,0,0]"), "",
          "item c/0 is not one of");
  refused(answers + row("a/0", "[0,0,0,0]"), "", "bad.jsonl:3: id a/0 occurs a second time");
  refused(answers + row("a/1", "[]"), "", "bad.jsonl:3");
  refused(answers + row("a/1", "null"), "", "bad.jsonl:3: ");
  refused(answers, " --etype match", "--etype: is for predicted SQL");
  const auto lacks = run("score --pred " + pred);
  EXPECT_EQ(lacks.code, 2);
  EXPECT_NE(lacks.err.find("--gold: missing"), std::string::npos) << lacks.err;
}

// Two arms of two answers; what was stored says that all were wrong.
TEST_F(Program, score_judges_a_predictions_file_again) {
  using tradeoff::store::Strings;
  tradeoff::store::Predictions stored;
  auto& items = stored.items["spider"];
  items.add("id", Strings{"7", "last"});
  items.add("db_id", Strings{"concert_singer", "concert_singer"});
  items.add("query", Strings{"SELECT count(*) FROM singer", "SELECT 1"});
  for (const std::string arm : {"base", "tuned"}) {
    auto& rows = stored.runs[{arm, 3, "spider"}].rows;
    rows.add("item", tradeoff::store::Ints{0, 1});
    rows.add("text", Strings{"It is SELECT count(*) FROM singer", "I do not know."});
    rows.add("sql", Strings{arm == "base" ? "SELECT 5" : "SELECT count(*) FROM singer", ""});
    rows.add("exec", tradeoff::store::Flags{0, 0});
  }
  const std::string path = (folder / "predictions.h5").string();
  write_predictions(path, stored);
  const std::string out = (folder / "rows.jsonl").string();

  const auto scored = run("score --pred " + path + kData + " --out " + out);
  EXPECT_EQ(scored.code, 0) << scored.err;
  EXPECT_NE(scored.out.find("arm base, seed 3: 2 questions"), std::string::npos) << scored.out;
  EXPECT_NE(scored.out.find("exec differs from the stored verdict in 0 of 2 rows\n"),
            std::string::npos);
  EXPECT_NE(scored.out.find("exec differs from the stored verdict in 1 of 2 rows: 7\n"),
            std::string::npos);
  std::vector<Json> rows;
  tradeoff::for_each_json_line(out, [&](Json& row, std::size_t) { rows.push_back(row); });
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].at("id"), 7);
  EXPECT_EQ(rows[1].at("id"), "last");
  EXPECT_EQ(rows[1].at("outcome"), "no_sql");
  EXPECT_EQ(rows[2].at("arm"), "tuned");
  EXPECT_EQ(rows[2].at("seed"), 3);
  EXPECT_EQ(rows[2].at("exec"), true);

  EXPECT_EQ(run("score --arm tuned --pred " + path + kData).out.find("arm base"),
            std::string::npos);
  const auto wrong = run("score --arm nosuch --pred " + path + kData);
  EXPECT_EQ(wrong.code, 1);
  EXPECT_NE(wrong.err.find("predictions.h5: no queries of arm \"nosuch\""), std::string::npos)
      << wrong.err;
}

TEST_F(Program, score_of_a_predictions_file_of_which_nothing_is_scored_fails) {
  using tradeoff::store::Strings;
  tradeoff::store::Predictions stored;
  auto& items = stored.items["spider"];
  items.add("id", Strings{"7"});
  items.add("db_id", Strings{"concert_singer"});
  items.add("query", Strings{"SELECT nosuch FROM singer"});
  auto& rows = stored.runs[{"base", 3, "spider"}].rows;
  rows.add("item", tradeoff::store::Ints{0});
  rows.add("text", Strings{"SELECT 1"});
  rows.add("sql", Strings{"SELECT 1"});
  rows.add("exec", tradeoff::store::Flags{-1});
  const std::string path = (folder / "predictions.h5").string();
  write_predictions(path, stored);
  const auto scored = run("score --pred " + path + kData);
  EXPECT_EQ(scored.code, 1);
  EXPECT_NE(scored.err.find("nothing was scored"), std::string::npos) << scored.err;
}

// Rebuilt from public reports: what the program says at its edge.
TEST_F(Program, score_names_the_filters_of_samples_and_takes_one) {
  std::string samples;
  for (const char* filter : {"first-block", "last-block"})
    samples +=
        tradeoff::to_line(Json{
            {"doc_id", 0},
            {"doc", {{"db_id", "concert_singer"}, {"query", "SELECT count(*) FROM singer"}}},
            {"filtered_resps", {filter[0] == 'f' ? "SELECT count(*) FROM singer" : "SELECT 2"}},
            {"filter", filter}}) +
        "\n";
  const std::string path = file("samples.jsonl", samples);
  const auto asked = run("score --pred " + path + kData);
  EXPECT_EQ(asked.code, 1);
  EXPECT_NE(asked.err.find("samples of 2 filters, first-block, last-block; choose one with "
                           "--filter"),
            std::string::npos)
      << asked.err;
  const auto scored = run("score --pred " + path + kData + " --filter first-block");
  EXPECT_EQ(scored.code, 0) << scored.err;
  EXPECT_NE(scored.out.find("\nexecution            1.000 "), std::string::npos) << scored.out;
}

}  // namespace
