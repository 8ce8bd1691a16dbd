#include "choice_questions.hpp"

#include <memory>

namespace tradeoff::task {

Questions choice_questions(Mmlu data, const Draw& draw) {
  const auto drawn = draw_mmlu(data, {.data_seed = draw.data_seed,
                                      .questions = draw.questions,
                                      .groups = draw.groups,
                                      .limit = draw.limit});
  return choice_questions(std::move(data), drawn);
}

Questions choice_questions(Mmlu read, const std::vector<MmluPlace>& drawn) {
  const auto data = std::make_shared<const Mmlu>(std::move(read));
  Questions questions;
  questions.sha256 = data->sha256;
  questions.count = drawn.size();
  questions.items = [data, drawn](const PromptModel& model, const PromptOptions& options) {
    return MmluRenderer(*data, model, options).items(drawn);
  };
  questions.template_sha256 = [data](const PromptModel& model, const PromptOptions& options) {
    return MmluRenderer(*data, model, options).template_sha256();
  };
  return questions;
}

}  // namespace tradeoff::task
