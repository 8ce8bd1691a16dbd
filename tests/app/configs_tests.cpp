#include <gtest/gtest.h>

#include <filesystem>

#include "../config/fixture.hpp"
#include "options/bind.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/config/job.hpp"

namespace tradeoff::app {
namespace {

using config::Arguments, config::JobFile, config::Problems, config::OptionTable;

namespace fs = std::filesystem;

// Raised with every file that is added, so that none is passed over.
constexpr int kConfigFiles = 2;

TEST(ConfigFilesTest, every_file_under_configs_trains) {
  int seen = 0;
  for (const auto& entry : fs::recursive_directory_iterator(TRADEOFF_SOURCE_DIR "/configs")) {
    if (!entry.is_regular_file()) continue;
    ++seen;
    study::TrainFileOptions options;
    OptionTable table;
    bind(table, options);
    Problems problems;
    const std::vector<std::string> words = {
        "--config", entry.path().string(), "--model", "m", "--train", "t", "--out", "o"};
    Arguments::parse(table, words, problems).apply(table, problems);
    table.check_required(problems);
    EXPECT_TRUE(problems.empty()) << entry.path() << ": " << problems.lines().front();
    EXPECT_GT(options.options.max_steps, 0) << entry.path();
    EXPECT_NO_THROW(train::check_options(options.options));
    EXPECT_NO_THROW(lora::check_options(options.lora));
    // The origin's: rank 8, alpha 16, dropout 0.05, all linear products, 2e-4, four samples a step.
    EXPECT_EQ(options.lora.lora_r, 8);
    EXPECT_EQ(options.lora.lora_alpha, 16);
    EXPECT_EQ(options.lora.lora_dropout, 0.05);
    EXPECT_EQ(options.lora.target_modules, std::vector<std::string>{"all-linear"});
    EXPECT_EQ(options.options.learning_rate, 2e-4);
    EXPECT_EQ(options.options.train_batch_size, 4);
  }
  EXPECT_EQ(seen, kConfigFiles);
}

using MarginTest = ::ConfigFiles;

TEST_F(MarginTest, a_job_states_it_with_its_unit_a_task) {
  const auto margins = [&](const std::string& lines, Problems& problems) {
    const auto job =
        JobFile::read(file("j.ini", "[study]\nname = x\nseeds = 1\n" + lines), problems);
    study::StudyOptions options;
    OptionTable table;
    bind_study(table, options, task::built_in_tasks());
    job.bind_base(table, problems);
    return std::pair(options.known.at("spider").margin, options.known.at("mmlu").margin);
  };
  Problems problems;
  const auto [spider, mmlu] =
      margins("margin.mmlu = 1\nmargin.spider = 0.5 points\n[arm.base]\n", problems);
  EXPECT_TRUE(problems.empty()) << problems.lines().front();
  ASSERT_TRUE(spider && mmlu);
  EXPECT_DOUBLE_EQ(mmlu->fraction, 0.01);
  EXPECT_DOUBLE_EQ(spider->fraction, 0.005);
  EXPECT_FALSE(margins("[arm.base]\n", problems).second);
  EXPECT_TRUE(problems.empty());
  margins("margin.mmlu = 0.01\nmargin.squad = 1\n[arm.base]\n", problems);
  const std::string told = problems.lines().empty() ? "" : problems.lines().front();
  EXPECT_EQ(problems.lines().size(), 2u) << told;
}

using TrainFileTest = ::ConfigFiles;

TEST_F(TrainFileTest, an_arm_takes_a_shared_file_and_its_own_keys_win) {
  file("shared.ini", "[train]\nmax_steps = 50\nlearning_rate = 1e-3\n");
  Problems problems;
  const auto job =
      JobFile::read(file("j.ini",
                         "[study]\nname = x\n[arm.a]\nmax_steps = 7\ntrain = shared.ini\n"
                         "[arm.b]\ntrain = missing.ini\n"),
                    problems);
  study::ArmOptions a, b;
  OptionTable a_table, b_table;
  bind_arm(a_table, a, task::built_in_tasks());
  job.bind_arm("a", a_table, problems);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(a.train.max_steps, 7);
  EXPECT_EQ(a.train.learning_rate, 1e-3);
  bind_arm(b_table, b, task::built_in_tasks());
  job.bind_arm("b", b_table, problems);
  ASSERT_EQ(problems.lines().size(), 1U);
  EXPECT_NE(problems.lines().front().find("missing.ini"), std::string::npos);
}

}  // namespace
}  // namespace tradeoff::app
