#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tradeoff/report/files/study.hpp"

namespace tradeoff::report {

struct ShowQuestion {
  // The question's id: "17", "abstract_algebra/0".
  std::string id;
  // Where it is looked for; empty: every task.
  std::string task;
  // Whose answers are shown; empty: every arm's and seed's.
  std::string arm;
  std::optional<std::uint64_t> seed;
  // Marks where an answer's SQL differs from the gold.
  bool diff = false;
};

/// One question of a study as text, from predictions.h5 alone: prompt, gold, every answer with its
/// rows and verdicts. Throws Error naming what there is where the id, arm or seed is not.
std::string show_question(const Study& study, const ShowQuestion& asked);

/// `to` with what is not in `from` as {+more+} and what is missing as [-less-], word by word.
std::string word_diff(std::string_view from, std::string_view to);

}  // namespace tradeoff::report
