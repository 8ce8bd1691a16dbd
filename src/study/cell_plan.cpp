#include "cell_plan.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

namespace tradeoff::study {
namespace {

// For the order of cells alone; any number above those that max_steps usually is.
constexpr double kStepsOfAnEpoch = 1e6;

double steps_of(const ArmOptions& arm) {
  if (!arm.trains) return 0.0;
  return arm.train.max_steps > 0 ? static_cast<double>(arm.train.max_steps)
                                 : kStepsOfAnEpoch * arm.train.num_train_epochs;
}

}  // namespace

Json cell_plan(const StudyOptions& options, const StudyData& data) {
  Json cells = Json::array();
  for (const Cell& cell : list_cells(options)) {
    const ArmOptions& arm = options.arms[cell.arm];
    Json tasks = Json::array();
    for (const std::string& task : cell.tasks) {
      tasks.push_back({{"task", task}, {"questions", data.questions(task).count}});
      const auto samples = sampling_of(arm, options.known.at(task).task).rule.samples;
      if (samples > 1) tasks.back()["samples"] = samples;
    }
    // The steps of whole epochs are known once the training rows are made.
    const bool steps = arm.trains && arm.train.max_steps > 0;
    cells.push_back({{"arm", arm.name},
                     {"seed", cell.seed},
                     {"trains", arm.trains},
                     {"steps", steps ? Json(arm.train.max_steps) : Json(nullptr)},
                     {"tasks", std::move(tasks)}});
  }
  return {{"cells", std::move(cells)}};
}

std::vector<std::size_t> longest_first(const StudyOptions& options, std::span<const Cell> cells) {
  std::vector<std::size_t> order(cells.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::size_t i) { return steps_of(options.arms[cells[i].arm]); });
  return order;
}

}  // namespace tradeoff::study
