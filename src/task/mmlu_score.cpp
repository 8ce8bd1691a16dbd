#include "tradeoff/task/mmlu_score.hpp"

#include <fmt/format.h>

#include <cmath>

#include "tradeoff/base/error.hpp"

namespace tradeoff::task {

char answer_letter(std::span<const double> choice_logprobs) {
  check(!choice_logprobs.empty(), "no choice log-probabilities, expected one per choice");
  std::size_t best = 0;
  for (std::size_t i = 0; i < choice_logprobs.size(); ++i) {
    if (std::isnan(choice_logprobs[i])) {
      fail(fmt::format("the log-probability of choice {} is NaN",
                       static_cast<char>('A' + static_cast<int>(i))));
    }
    if (choice_logprobs[i] > choice_logprobs[best]) best = i;
  }
  return static_cast<char>('A' + static_cast<int>(best));
}

}  // namespace tradeoff::task
