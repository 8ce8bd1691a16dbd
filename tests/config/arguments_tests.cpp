#include "tradeoff/config/arguments.hpp"

#include "fixture.hpp"

namespace tradeoff::config {
namespace {

struct Options {
  std::filesystem::path job;
  std::vector<std::filesystem::path> more;
  int limit = 0;
  bool resume = false;
  std::vector<std::string> stop;
  std::string model = "m";
};

struct ArgumentsTest : ConfigFiles {
  Options options;
  OptionTable table;
  void SetUp() override {
    ConfigFiles::SetUp();
    table.add("job", &options.job, "Job file").required().placeholder("JOB.ini");
    table.add("more", &options.more, "More files");
    table.add("limit", &options.limit, "At most so many items");
    table.add("resume", &options.resume, "Continue");
    table.add("stop_text", &options.stop, "Stop strings", {"stop"});
    table.add("model", &options.model, "Model folder").placeholder("DIR");
    table.positional("job").positional("more");
  }
  std::string run(const std::vector<std::string>& words) {
    try {
      return parse_command_line({"run", "Runs."}, table, words) ? "" : "help";
    } catch (const UsageError& error) {
      return error.what();
    }
  }
};

TEST_F(ArgumentsTest, help_tells_how_a_flag_that_is_on_is_switched_off) {
  bool packing = true;
  table.add("packing", &packing, "Pack");
  const std::string text = help_text({"run", "Runs."}, table);
  EXPECT_NE(text.find("--packing true|false"), std::string::npos) << text;
  EXPECT_EQ(text.find("--resume true|false"), std::string::npos) << text;
  EXPECT_EQ(run({"j.ini", "--packing", "false"}), "");
  EXPECT_FALSE(packing);
}

TEST_F(ArgumentsTest, options_flags_and_bare_words_in_any_order) {
  EXPECT_EQ(
      run({"--resume", "j.ini", "--limit", "5", "--stop=;", "--stop", "-- x", "--", "--more"}), "");
  EXPECT_TRUE(options.resume);
  EXPECT_EQ(options.job, "j.ini");
  EXPECT_EQ(options.more, std::vector<std::filesystem::path>{"--more"});
  EXPECT_EQ(options.limit, 5);
  EXPECT_EQ(options.stop, (std::vector<std::string>{";", "-- x"}));
}

TEST_F(ArgumentsTest, two_dashes_are_no_value) {
  EXPECT_EQ(run({"--stop", "--", "x"}), "--stop: its value is missing; expected TEXT");
  EXPECT_EQ(options.job, "x");
}

TEST_F(ArgumentsTest, a_flag_takes_true_or_false_and_nothing_else) {
  EXPECT_EQ(run({"--resume", "false", "j.ini"}), "");
  EXPECT_FALSE(options.resume);
  EXPECT_EQ(run({"j.ini", "--resume=maybe"}), "--resume: found \"maybe\", expected true or false");
}

TEST_F(ArgumentsTest, spellings_are_alike_and_negative_numbers_are_values) {
  EXPECT_EQ(run({"--stop_text", "a", "--stop-text", "b", "--limit", "-1", "--job", "j"}), "");
  EXPECT_EQ(options.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(options.limit, -1);
}

TEST_F(ArgumentsTest, all_problems_are_shown_at_once) {
  EXPECT_EQ(run({"--limt", "3", "--resume=2", "-q", "--model"}),
            "5 problems\n"
            "  --model: its value is missing; expected DIR\n"
            "  --limt: unknown option (did you mean --limit?)\n"
            "  --resume: found \"2\", expected true or false\n"
            "  -q: unknown option\n"
            "  --job: missing; expected JOB.ini: Job file");
}

TEST_F(ArgumentsTest, prefixes_are_not_guessed) {
  EXPECT_EQ(run({"j.ini", "--res"}), "--res: unknown option");
}

TEST_F(ArgumentsTest, files_are_below_the_command_line_and_a_later_one_wins) {
  const auto first = file("a.ini", "limit = 1\nmodel = a # comment\nstop = x\n");
  const auto second = file("b.ini", "; comment\n\n[anything]\nlimit=2\nresume = true\n");
  EXPECT_EQ(run({"--model", "c", "--config", first, "j.ini", "--config=" + second}), "");
  EXPECT_EQ(options.limit, 2);
  EXPECT_EQ(options.model, "c");
  EXPECT_TRUE(options.resume);
  EXPECT_EQ(options.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(table.where("limit"), second + ":4: limit");
}

TEST_F(ArgumentsTest, faults_of_a_file_are_named_with_their_lines) {
  const auto bad = file("bad.ini",
                        "limit = many\nno equals sign\n= 3\n[open\nmodl = x\nlimit = 3\n"
                        "model = \"open\nresume = \"true\" x\n[arm.x]\n[s]\n[s]\n");
  EXPECT_EQ(run({"j.ini", "--config", bad, "--config", "/no/such/file"}),
            "11 problems\n  " + bad + ":2: found \"no equals sign\", expected key = value\n  " +
                bad + ":3: found \"= 3\", expected key = value\n  " + bad +
                ":4: found \"[open\", expected [section]\n  " + bad +
                ":7: model: a quoted value must end with its quote\n  " + bad +
                ":8: resume: a quoted value must end with its quote\n  " + bad +
                ":11: [s] stands twice, first at " + bad + ":10\n  " + bad +
                ":9: an arm's section stands in job files alone\n  " +
                "--config: open /no/such/file: No such file or directory\n  " + bad +
                ":1: limit: found \"many\", expected an integer\n  " + bad +
                ":5: unknown key \"modl\" (did you mean \"model\"?)\n  " + bad +
                ":6: limit: stands twice, first at " + bad + ":1");
}

TEST_F(ArgumentsTest, quotes_keep_blanks_and_number_signs) {
  const auto path = file("q.ini", "\xEF\xBB\xBFstop = \" # \"  # comment\r\nmodel = a#b\r\n");
  EXPECT_EQ(run({"j.ini", "--config", path}), "");
  EXPECT_EQ(options.stop, std::vector<std::string>{" # "});
  EXPECT_EQ(options.model, "a#b");
}

TEST_F(ArgumentsTest, help_names_every_option_with_its_default) {
  EXPECT_EQ(run({"--limit", "x", "--help"}), "help");
  const std::string text = help_text({"run", "Runs."}, table);
  EXPECT_NE(text.find("Usage: tradeoff run JOB.ini [PATH...] [options]\n\nRuns.\n"),
            std::string::npos)
      << text;
  for (const auto* part : {"--job JOB.ini", "--limit N", "[0]", "--resume ", "--stop-text TEXT",
                           "--model DIR", "[m]", "--config FILE", "(required)", "--help"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
}

}  // namespace
}  // namespace tradeoff::config
