#include <algorithm>
#include <set>

#include "analysis_parts.hpp"

namespace tradeoff::report {

// A ledger line: arm, seed, task (a task's name, or "training"), seconds of all ranks together,
// ranks, and for predictions questions, prompt_tokens, new_tokens.
void add_costs(const Study& study, Analysis& out) {
  for (const std::string& arm : out.arms) {
    ArmLedger cost;
    cost.arm = arm;
    std::set<std::uint64_t> seeds;
    std::int64_t predicted = 0;
    for (const Json& row : study.ledger) {
      if (field_or<std::string>(row, "arm", "") != arm) continue;
      const auto task = field<std::string>(row, "task");
      const auto seconds = field<double>(row, "seconds");
      const auto ranks = field_or<std::int64_t>(row, "ranks", 1);
      const std::int64_t tokens = field_or<std::int64_t>(row, "prompt_tokens", 0) +
                                  field_or<std::int64_t>(row, "new_tokens", 0);
      const bool predicts = std::ranges::find(out.tasks, task) != out.tasks.end();
      (predicts ? cost.predict_s : cost.train_s) += seconds;
      cost.device_hours += seconds * static_cast<double>(ranks) / 3600;
      cost.tokens += tokens;
      cost.devices = std::max(cost.devices, ranks);
      if (predicts) {
        predicted += tokens;
        cost.questions += field_or<std::int64_t>(row, "questions", 0);
      }
      if (const auto peak = field_or<double>(row, "peak_bytes", 0); peak > 0) {
        cost.peak_gib = std::max(cost.peak_gib.value_or(0), peak / (1 << 30));
      }
      seeds.insert(field<std::uint64_t>(row, "seed"));
    }
    cost.cells = static_cast<std::int64_t>(seeds.size());
    if (cost.cells == 0) continue;
    if (cost.predict_s > 0) cost.tokens_per_s = static_cast<double>(predicted) / cost.predict_s;
    out.costs.push_back(cost);
  }
}

}  // namespace tradeoff::report
