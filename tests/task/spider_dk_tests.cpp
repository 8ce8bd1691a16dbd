#include <map>

#include "task_items.hpp"

namespace tradeoff::task {
namespace {

namespace fs = std::filesystem;

TEST(SpiderDk, questions_have_their_types_and_their_own_databases) {
  const Questions questions = questions_of("spider_dk", data_of("spider_dk", "spider"), {});
  std::map<std::string, int> types;
  for (const Item& item : items_of(questions, {})) ++types[item.label];
  const std::map<std::string, int> expected = {{"0", 270}, {"1", 76}, {"2", 63}, {"3", 69},
                                               {"4", 20},  {"5", 33}, {"23", 2}, {"34", 2}};
  EXPECT_EQ(types, expected);
  EXPECT_EQ(questions.golds.size(), 535u);
  for (const Gold& gold : questions.golds)
    ASSERT_TRUE(fs::is_regular_file(questions.databases / gold.db_id / (gold.db_id + ".sqlite")))
        << gold.db_id;
}

}  // namespace
}  // namespace tradeoff::task
