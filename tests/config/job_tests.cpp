#include "tradeoff/config/job.hpp"

#include "fixture.hpp"
#include "tradeoff/config/arguments.hpp"

namespace tradeoff::config {
namespace {

struct Options {
  std::string name, model;
  std::vector<std::uint64_t> seeds;
  int shots = 3, mmlu_shots = 4, max_prompt_tokens = 512;
  std::optional<int> max_steps;
  double learning_rate = 2e-4;
};

void bind_arm(OptionTable& table, Options& options) {
  table.section("").add("max_prompt_tokens", &options.max_prompt_tokens, "Longest prompt");
  table.section("model").add("path", &options.model, "Model folder");
  table.section("spider").add("shots", &options.shots, "Examples");
  table.section("mmlu").add("shots", &options.mmlu_shots, "Examples");
  table.section("train").add("max_steps", &options.max_steps, "Steps");
  table.add("learning_rate", &options.learning_rate, "Rate").above(0);
}

void bind_study(OptionTable& table, Options& options) {
  table.section("study").add("name", &options.name, "Name");
  table.add("seeds", &options.seeds, "Seeds").required();
  bind_arm(table, options);
}

constexpr const char* kJob =
    "# what it runs\n[study]\nname = report\nseeds = 1, 2\n"
    "[model]\npath = llama\nmax_prompt_tokens = 4096\n"
    "[spider]\nshots = 3\n[mmlu]\nshots = 4\n[train]\nmax_steps = 200\n"
    "[arm.base]\n[arm.qlora-50]\nmax-steps = 50\nspider.shots = 0\n";

using JobTest = ConfigFiles;

TEST_F(JobTest, arms_inherit_the_base_and_hold_what_differs) {
  Problems problems;
  const auto job = JobFile::read(file("j.ini", kJob), problems);
  EXPECT_EQ(job.arms(), (std::vector<std::string>{"base", "qlora-50"}));

  Options study, base, tuned;
  OptionTable study_table, base_table, tuned_table;
  bind_study(study_table, study);
  bind_arm(base_table, base);
  bind_arm(tuned_table, tuned);
  job.bind_base(study_table, problems);
  job.bind_arm("base", base_table, problems);
  job.bind_arm("qlora-50", tuned_table, problems);
  study_table.check_required(problems);
  EXPECT_TRUE(problems.empty()) << problems.lines().front();
  EXPECT_EQ(study.name, "report");
  EXPECT_EQ(study.seeds, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(base.max_steps, 200);
  EXPECT_EQ(base.shots, 3);
  EXPECT_EQ(base.max_prompt_tokens, 4096);
  EXPECT_EQ(tuned.max_steps, 50);
  EXPECT_EQ(tuned.shots, 0);
  EXPECT_EQ(tuned.mmlu_shots, 4);
  EXPECT_EQ(tuned.model, "llama");
  EXPECT_EQ(tuned_table.where("max_steps"), (folder / "j.ini").string() + ":16: max_steps");
}

TEST_F(JobTest, the_command_line_wins_over_base_and_arm) {
  Problems problems;
  const auto job = JobFile::read(file("j.ini", kJob), problems);
  Options study, tuned;
  OptionTable study_table, tuned_table;
  bind_study(study_table, study);
  bind_arm(tuned_table, tuned);
  const std::vector<std::string> words{"--max-steps", "7", "--seeds", "5", "--mmlu.shots=1"};
  const auto arguments = Arguments::parse(study_table, words, problems);
  job.bind_base(study_table, problems);
  arguments.apply(study_table, problems);
  job.bind_arm("qlora-50", tuned_table, problems);
  arguments.apply(tuned_table, problems, Unknown::ignore);
  EXPECT_TRUE(problems.empty()) << problems.lines().front();
  EXPECT_EQ(study.seeds, std::vector<std::uint64_t>{5});
  EXPECT_EQ(tuned.max_steps, 7);
  EXPECT_EQ(tuned.mmlu_shots, 1);
}

TEST_F(JobTest, faults_in_base_and_arms_are_shown_together_and_once) {
  const auto path =
      file("j.ini",
           "[study]\nname = x\n[trian]\nmax_steps = 1\n[train]\nlearning_rate = 0\n"
           "[mmlu]\nlearning_rate = 1\n[arm.a]\nseeds = 1\nshots = 2\nlerning_rate = 1\n"
           "[arm.b]\n[arm.no/slash]\nmax_steps = 3\nmax_steps = 4\n");
  Problems problems;
  const auto job = JobFile::read(path, problems);
  Options options;
  OptionTable table;
  bind_study(table, options);
  job.bind_base(table, problems);
  for (const auto& arm : job.arms()) {
    Options arm_options;
    OptionTable arm_table;
    bind_arm(arm_table, arm_options);
    job.bind_arm(arm, arm_table, problems);
  }
  table.check_required(problems, path);
  const std::vector<std::string> expected{
      path +
          ":14: found arm \"no/slash\", expected a name of letters, digits, -, _ and dots, not "
          "first; at most 128 bytes",
      path + ":3: unknown section [trian] (did you mean \"train\"?)",
      path + ":6: learning_rate: found \"0\", expected a number, above 0",
      path + ":8: unknown key \"learning_rate\" in [mmlu] (belongs to [train])",
      path + ":10: unknown key \"seeds\" in [arm.a]",
      path +
          ":11: unknown key \"shots\" in [arm.a] (stands for several: write spider.shots or "
          "mmlu.shots)",
      path + ":12: unknown key \"lerning_rate\" in [arm.a] (did you mean \"learning_rate\"?)",
      path + ":16: max_steps: stands twice, first at " + path + ":15",
      path + ": seeds in [study]: missing; expected N: Seeds"};
  EXPECT_EQ(problems.lines(), expected);
}

TEST_F(JobTest, a_file_larger_than_any_job_is_refused_and_a_long_line_shown_cut) {
  const auto told = [](const std::string& path) {
    Problems problems;
    try {
      read_ini(path, problems);
      problems.throw_if_any();
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("(no error)");
  };
  const std::string long_line = told(file("long.ini", std::string(1000, '\0')));
  EXPECT_NE(long_line.find("long.ini:1: found \"\\u0000"), long_line.npos) << long_line;
  EXPECT_LT(long_line.size(), 800u);
  const std::string large = file("large.ini", "");
  std::filesystem::resize_file(large, (16 << 20) + 1);
  EXPECT_EQ(told(large), large + ": has 16777217 bytes, expected at most 16 MiB");
}

TEST_F(JobTest, an_arms_name_fits_a_file_name) {
  for (const std::size_t size : {1, 128, 129, 300}) {
    Problems problems;
    JobFile::read(file("j.ini", "[arm." + std::string(size, 'a') + "]\n"), problems);
    EXPECT_EQ(problems.empty(), size <= 128) << size;
  }
}

TEST_F(JobTest, an_arm_that_is_not_there_is_an_error) {
  Problems problems;
  const auto job = JobFile::read(file("j.ini", kJob), problems);
  OptionTable table;
  EXPECT_THROW(job.bind_arm("qlora-51", table, problems), Error);
  EXPECT_THROW(JobFile::read(folder / "none.ini", problems), Error);
}

TEST_F(JobTest, what_is_an_arms_own_is_taken_from_its_section_alone) {
  Problems problems;
  const auto job = JobFile::read(file("j.ini",
                                      "[study]\nname = s\n[model]\npath = shared\n[arm.base]\n"
                                      "[arm.mine]\npath = its\nspider.shots = 1\n"),
                                 problems);
  for (const std::string arm : {"base", "mine"}) {
    Options options;
    std::filesystem::path path = "none";
    OptionTable table, own;
    table.section("spider").add("shots", &options.shots, "Examples");
    own.add("path", &path, "Model folder");
    job.bind_arm(arm, table, own, problems);
    EXPECT_EQ(path, arm == "mine" ? folder / "its" : std::filesystem::path("none"));
    EXPECT_EQ(own.given("path"), arm == "mine");
    EXPECT_EQ(options.shots, arm == "mine" ? 1 : 3);
  }
  EXPECT_TRUE(problems.empty()) << problems.lines().front();
}

}  // namespace
}  // namespace tradeoff::config
