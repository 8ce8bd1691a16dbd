#include <algorithm>
#include <set>

#include "analysis_parts.hpp"

namespace tradeoff::report {

void add_costs(const Study& study, Analysis& out) {
  for (const std::string& arm : out.arms) {
    ArmLedger cost;
    cost.arm = arm;
    std::set<std::uint64_t> seeds;
    std::int64_t predicted = 0;
    for (const results::LedgerEntry& row : study.ledger) {
      if (row.arm != arm) continue;
      const std::int64_t tokens = row.prompt_tokens + row.new_tokens;
      const bool predicts = std::ranges::find(out.tasks, row.task) != out.tasks.end();
      (predicts ? cost.predict_s : cost.train_s) += row.seconds;
      cost.device_hours += row.device_seconds / 3600;
      cost.tokens += tokens;
      cost.devices = std::max(cost.devices, row.ranks);
      cost.starts += row.starts;
      cost.cut_starts += row.cut_starts;
      cost.redone_s += row.redone_seconds;
      if (predicts) {
        predicted += tokens;
        cost.questions += row.questions;
      }
      if (row.peak_bytes > 0) {
        cost.peak_gib =
            std::max(cost.peak_gib.value_or(0), static_cast<double>(row.peak_bytes) / (1 << 30));
      }
      seeds.insert(row.seed);
    }
    cost.cells = static_cast<std::int64_t>(seeds.size());
    if (cost.cells == 0) continue;
    if (cost.predict_s > 0) cost.tokens_per_s = static_cast<double>(predicted) / cost.predict_s;
    out.costs.push_back(cost);
  }
}

}  // namespace tradeoff::report
