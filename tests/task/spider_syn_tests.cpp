#include "task_items.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff::task {
namespace {

TEST(SpiderSyn, questions_are_devs_in_other_words_one_for_one) {
  const Draw draw{.data_seed = 3, .questions = 50};
  const auto syn = items_of(questions_of("spider_syn", data_of("spider_syn", "spider"), draw), {});
  const auto dev = items_of(questions_of("spider", {.data = kData / "spider"}, draw), {});
  ASSERT_EQ(syn.size(), 50u);
  std::size_t reworded = 0;
  for (std::size_t i = 0; i < syn.size(); ++i) {
    EXPECT_EQ(syn[i].id, dev[i].id);
    EXPECT_EQ(syn[i].db_id, dev[i].db_id);
    EXPECT_EQ(syn[i].schema, dev[i].schema);
    reworded += syn[i].question != dev[i].question ? 1 : 0;
  }
  EXPECT_GT(reworded, 35u);  // 879 of the 1,034
}

}  // namespace
}  // namespace tradeoff::task
