#include "choice_questions.hpp"

#include <memory>

namespace tradeoff::task {
namespace {

MmluPromptOptions prompt_options(const PromptOptions& options) {
  return {.num_fewshot = options.shots,
          .prompt_template = options.prompt_template,
          .fewshot_as_multiturn = options.fewshot_as_multiturn,
          .limit = options.limit};
}

}  // namespace

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
    return MmluRenderer(*data, model, prompt_options(options)).items(drawn);
  };
  questions.template_sha256 = [data](const PromptModel& model, const PromptOptions& options) {
    return MmluRenderer(*data, model, prompt_options(options)).template_sha256();
  };
  return questions;
}

}  // namespace tradeoff::task
