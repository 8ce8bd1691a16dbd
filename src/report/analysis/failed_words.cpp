#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "words.hpp"

namespace tradeoff::report {
namespace {

std::string who_failed(const ArmRuns& arm) {
  std::vector<std::string> seeds;
  for (const stats::FailedRun& run : arm.failed)
    seeds.push_back(fmt::format("seed {} ({})", run.seed, fmt::join(run.reasons, "; ")));
  return fmt::format("{}", fmt::join(seeds, ", "));
}

// The reference against `arm` on each task.
std::string without(const Analysis& analysis, const std::string& arm) {
  std::vector<std::string> told;
  for (const stats::PairSummary& pair : analysis.pairs_without_failed) {
    const bool asked = pair.a == analysis.reference && pair.b == arm && pair.delta.mean;
    if (!asked) continue;
    const auto interval = told_interval(analysis, pair);
    told.push_back(fmt::format("{} {} points ({})", task_title(pair.task), points(*pair.delta.mean),
                               interval ? "95 % interval " + points(interval->interval) + " " +
                                              interval->over + ", Holm p " + p_value(pair.holm_p)
                                        : "interval not estimable"));
  }
  if (told.empty()) return "Without them nothing is left to compare with " + analysis.reference;
  return fmt::format("Without: {}", fmt::join(told, "; "));
}

}  // namespace

std::vector<std::string> failed_lines(const Analysis& analysis) {
  std::vector<std::string> lines;
  for (const ArmRuns& arm : analysis.runs) {
    if (arm.failed.empty()) continue;
    const std::string beside =
        arm.arm == analysis.reference ? "" : fmt::format(" {}.", without(analysis, arm.arm));
    lines.push_back(fmt::format("{} of {} of {} failed: {}. The figures here hold them.{}",
                                arm.failed.size(), counted(arm.runs, "run"), arm.arm,
                                who_failed(arm), beside));
  }
  return lines;
}

}  // namespace tradeoff::report
