#include "tradeoff/study/options.hpp"

namespace tradeoff::study {

const StudyTask& training_task(const StudyOptions& options) {
  for (const std::string& name : options.tasks) {
    const StudyTask& asked = options.known.at(name);
    if (asked.task.trains) return asked;
  }
  return options.known.at(task::default_task(task::Kind::sql).name);
}

SamplingOptions sampling_of(const ArmOptions& arm, const task::Task& task) {
  if (!is_written(task)) return {};
  const auto found = arm.sampling.find(asked_as(task));
  return found == arm.sampling.end() ? SamplingOptions() : found->second;
}

bool reached_by_seed(const ArmOptions& arm, const task::Task& task) {
  const bool draws = task.kind == task::Kind::sql && arm.prompts.at(asked_as(task)).shots > 0;
  return arm.trains || draws || !sampling_of(arm, task).rule.greedy();
}

std::vector<Cell> list_cells(const StudyOptions& options) {
  std::vector<Cell> cells;
  for (std::size_t arm = 0; arm < options.arms.size(); ++arm) {
    for (std::size_t i = 0; i < options.seeds.size(); ++i) {
      Cell cell{arm, options.seeds[i], {}};
      for (const std::string& task : options.tasks) {
        // Without shots no draw reaches the untrained model's SQL prompts either.
        const bool varies = reached_by_seed(options.arms[arm], options.known.at(task).task);
        if (i == 0 || varies) cell.tasks.push_back(task);
      }
      if (!cell.tasks.empty()) cells.push_back(std::move(cell));
    }
  }
  return cells;
}

}  // namespace tradeoff::study
