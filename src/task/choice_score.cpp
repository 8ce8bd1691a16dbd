#include "tradeoff/task/choice_score.hpp"

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

ChoiceTally tally_choices(std::span<const Item> items, std::span<const char> letters) {
  if (items.size() != letters.size()) {
    fail(fmt::format("{} items, but {} answers", items.size(), letters.size()));
  }
  ChoiceTally tally;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    if (item.answer.size() != 1) {
      fail(fmt::format("item {} has no key \"answer\", expected A, B, C or D", to_line(item.id)));
    }
    const bool correct = letters[i] == item.answer[0];
    for (Counts* counts : {&tally.all, &tally.groups[item.group], &tally.subjects[item.subject]}) {
      counts->total += 1;
      counts->correct += correct ? 1 : 0;
    }
  }
  return tally;
}

}  // namespace tradeoff::task
