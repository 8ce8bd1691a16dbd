#include <fmt/format.h>

#include "analysis/words.hpp"
#include "grids.hpp"

namespace tradeoff::report {
namespace {

// 1, 2, 4, 8, ... below the number of samples: enough of pass@k to see where it bends.
std::vector<std::size_t> shown_k(std::size_t samples) {
  std::vector<std::size_t> shown;
  for (std::size_t k = 2; k < samples; k *= 2) shown.push_back(k);
  return shown;
}

std::string pass_text(const stats::SampleSummary& samples) {
  std::string text;
  for (const std::size_t k : shown_k(samples.samples))
    text += fmt::format("{}@{} {}", text.empty() ? "" : ", ", k, percent(samples.pass_at[k - 1]));
  return text.empty() ? "-" : text;
}

}  // namespace

Grid samples_grid(const Analysis& analysis) {
  Grid grid{
      "Several answers to each question.",
      "One: the accuracy, the mean over the answers. Vote: answers whose queries give equal rows "
      "(as bags, columns by position) are one group, the largest wins, of equal ones that of the "
      "first answer; a query that fails has no vote. By probability: each answer counts as much as "
      "its probability by the model. Any: one of the answers is right. Pass@k: the chance that one "
      "of k answers is right (Chen et al. 2021).",
      {"arm", "task", "answers", "drawn at", "one", "vote", "by probability", "any", "pass@k"},
      2,
      {},
      {}};
  for (const stats::TaskSummary& s : analysis.summary.arms) {
    if (!s.samples) continue;
    const stats::SampleSummary& of = *s.samples;
    grid.rows.push_back({s.arm, task_title(s.task), std::to_string(of.samples),
                         analysis.sampling.at({s.arm, s.task}), percent(s.accuracy.mean),
                         fmt::format("{} ({})", percent(of.vote), percents(of.vote95)),
                         percent(of.vote_weighted), percent(of.pass_at.back()), pass_text(of)});
  }
  for (const stats::PairSummary& pair : analysis.summary.pairs) {
    if (pair.samples_a == pair.samples_b || pair.samples_a == 0 || pair.samples_b == 0) continue;
    grid.notes.push_back(fmt::format(
        "{}, {} → {}: {} answers and {}; compared on the first {} of each.", task_title(pair.task),
        pair.a, pair.b, pair.samples_a, pair.samples_b, pair.samples));
  }
  return grid;
}

Grid agreement_grid(const Analysis& analysis) {
  Grid grid{
      "Agreement of the answers as a confidence.",
      "Agreement is the share of a question's answers that gave the vote's result; the expected "
      "calibration error over 15 bins (Guo et al. 2017) tells how far it is the chance that the "
      "vote is right, mean over the runs; beside it what perfectly calibrated agreements would "
      "show by chance.",
      {"arm", "task", "mean agreement", "vote right", "calibration error", "if perfect",
       "Brier score"},
      2,
      {},
      {}};
  for (const stats::TaskSummary& s : analysis.summary.arms) {
    if (!s.samples || s.samples->samples < 2) continue;
    const stats::Calibration& c = s.samples->calibration;
    grid.rows.push_back({s.arm, task_title(s.task), percent(c.mean_confidence), percent(c.accuracy),
                         percent(c.expected_error), percent(c.expected_error_if_perfect),
                         fmt::format("{:.3f}", c.brier.value_or(0))});
  }
  return grid;
}

}  // namespace tradeoff::report
