#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "tradeoff/stats/uncertainty.hpp"

namespace tradeoff::stats {
namespace {

// Half an error is a quarter of its variance.
constexpr double kQuarter = 0.25;

// How many more of `count`, where `moving` of the variance falls with their number and `still` does
// not.
std::optional<std::uint64_t> more(double moving, double still, double wanted, std::uint64_t count) {
  const double room = wanted - still;
  if (!(room > 0)) return std::nullopt;
  const double needed = std::ceil(moving / room * static_cast<double>(count) - 1e-9);
  if (!(needed < 1e9)) return std::nullopt;
  return needed > static_cast<double>(count) ? static_cast<std::uint64_t>(needed) - count : 0;
}

std::string counted(std::uint64_t n, const char* what) {
  return fmt::format("{} more {}{}", n, what, n == 1 ? "" : "s");
}

}  // namespace

double VarianceParts::at(double questions, double seeds, double samples) const {
  return (items - noise) / questions + noise / (questions * seeds) + runs.value_or(0) / seeds +
         sampling.value_or(0) / (questions * seeds * samples);
}

std::optional<VarianceParts> MeanEstimate::variance() const {
  if (!small_sample) return std::nullopt;
  VarianceParts parts;
  parts.items = small_sample->se * small_sample->se;
  if (items_and_seeds && spread) {
    const double k = static_cast<double>(seeds);
    // Both are estimates: the part cannot be more than the whole.
    parts.noise = std::min(parts.items, spread->noise / k);
    // Equal where the seeds vary no more than question x seed noise makes them.
    parts.runs = std::max(0.0, items_and_seeds->se * items_and_seeds->se - parts.items);
  }
  // What varies between questions holds what varies within each.
  if (sampling) {
    parts.sampling = std::min(*sampling, parts.items);
    parts.items -= *parts.sampling;
    parts.noise = std::clamp(parts.noise - *parts.sampling, 0.0, parts.items);
  }
  return parts;
}

Halving halve(const VarianceParts& parts, std::uint64_t questions, std::uint64_t seeds,
              std::uint64_t samples) {
  Halving out;
  const double wanted = kQuarter * parts.total();
  const double runs = parts.runs.value_or(0), sampling = parts.sampling.value_or(0);
  if (!(wanted > 0)) return out;
  out.questions = more(parts.items + sampling, runs, wanted, questions);
  if (parts.sampling) out.samples = more(sampling, parts.items + runs, wanted, samples);
  if (!parts.runs) return out;
  const double fixed = parts.items - parts.noise;
  out.seeds = more(parts.noise + runs + sampling, fixed, wanted, seeds);
  double fewest = 0;
  for (std::uint64_t k = seeds + 1; k <= 8 * seeds; ++k) {
    const double times = static_cast<double>(k) / static_cast<double>(seeds);
    const double moving = fixed + (parts.noise + sampling) / times;
    const auto further = more(moving, runs / times, wanted, questions);
    if (!further || *further == 0 || *further > 7 * questions) continue;
    const double answers = static_cast<double>(k) * static_cast<double>(questions + *further);
    if (out.both && answers >= fewest) continue;
    fewest = answers;
    out.both = Halving::Both{*further, k - seeds};
  }
  return out;
}

std::string to_text(const Halving& halving) {
  std::vector<std::string> ways;
  if (halving.questions) ways.push_back(counted(*halving.questions, "question"));
  if (halving.seeds) ways.push_back(counted(*halving.seeds, "seed"));
  if (halving.samples) ways.push_back(counted(*halving.samples, "sample"));
  if (halving.both) {
    ways.push_back(counted(halving.both->questions, "question") + " and " +
                   counted(halving.both->seeds, "seed"));
  }
  if (ways.empty()) return "out of reach: neither more questions nor more seeds alone";
  return fmt::format("{}", fmt::join(ways, ", or "));
}

}  // namespace tradeoff::stats
