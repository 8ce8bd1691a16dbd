#include "sql_questions.hpp"

#include <memory>

namespace tradeoff::task {

Questions sql_questions(Spider read, const Draw& draw) {
  const auto data = std::make_shared<const Spider>(std::move(read));
  const auto drawn = draw_spider(
      *data, {.data_seed = draw.data_seed, .questions = draw.questions, .limit = draw.limit});
  Questions questions;
  questions.sha256 = data->sha256;
  questions.count = drawn.size();
  questions.train_count = data->train.size();
  questions.missing_train = data->missing_train;
  questions.databases = data->databases;
  questions.tables = data->tables;
  for (const std::size_t index : drawn) {
    const SpiderExample& example = data->dev[index];
    questions.golds.push_back({example.id.empty() ? std::to_string(example.index) : example.id,
                               example.db_id, example.query, example.also_right});
  }
  questions.items = [data, drawn](const PromptModel& model, const PromptOptions& options) {
    return SpiderRenderer(*data, model, options).dev_items(drawn);
  };
  questions.train_items = [data](const PromptModel& model, const PromptOptions& options,
                                 std::size_t count) {
    return SpiderRenderer(*data, model, options).train_items(count);
  };
  questions.template_sha256 = [data](const PromptModel& model, const PromptOptions& options) {
    return SpiderRenderer(*data, model, options).template_sha256();
  };
  return questions;
}

}  // namespace tradeoff::task
