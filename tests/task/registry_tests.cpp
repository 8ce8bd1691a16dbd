#include "task_items.hpp"

namespace tradeoff::task {
namespace {

namespace fs = std::filesystem;

TEST(Tasks, every_built_in_task_has_data_words_and_a_landmark) {
  for (const Task& task : built_in_tasks()) {
    EXPECT_EQ(find_task(task.name), &task);
    EXPECT_FALSE(task.words.title.empty() || task.words.dataset.empty()) << task.name;
    EXPECT_TRUE(fs::exists(kData / task.name / task.landmark)) << task.name;
    EXPECT_TRUE(task.pair_of.empty() || find_task(task.pair_of)) << task.name;
  }
  EXPECT_EQ(find_task("nothing"), nullptr);
  EXPECT_EQ(default_task(Kind::sql).name, "spider");
  EXPECT_EQ(default_task(Kind::choice).name, "mmlu");
}

}  // namespace
}  // namespace tradeoff::task
