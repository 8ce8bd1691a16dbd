#include "tradeoff/study/options.hpp"

namespace tradeoff::study {

bool reached_by_seed(const ArmOptions& arm, TaskKind task) {
  return arm.trains || (task == TaskKind::spider && arm.spider.shots > 0);
}

std::vector<Cell> list_cells(const StudyOptions& options) {
  std::vector<Cell> cells;
  for (std::size_t arm = 0; arm < options.arms.size(); ++arm) {
    for (std::size_t i = 0; i < options.seeds.size(); ++i) {
      Cell cell{arm, options.seeds[i], {}};
      for (const TaskKind task : options.tasks) {
        // Without shots no draw reaches the untrained model's Spider prompts either.
        const bool varies = reached_by_seed(options.arms[arm], task);
        if (i == 0 || varies) cell.tasks.push_back(task);
      }
      if (!cell.tasks.empty()) cells.push_back(std::move(cell));
    }
  }
  return cells;
}

}  // namespace tradeoff::study
