#include "words.hpp"

#include <fmt/format.h>

#include <cmath>

namespace tradeoff::report {

std::string percent(double fraction) {
  return fmt::format("{:.1f} %", 100 * fraction);
}

std::string percent(const std::optional<double>& fraction) {
  return fraction ? percent(*fraction) : "not estimable";
}

std::string points(double fraction) {
  const std::string text = fmt::format("{:+.1f}", 100 * fraction);
  return text == "+0.0" || text == "-0.0" ? "0.0" : text;
}

std::string size_points(double fraction) {
  return fmt::format("{:.3g}", 100 * fraction);
}

std::string sized(double fraction) {
  const std::string size = size_points(fraction);
  return size + (size == "1" ? " point" : " points");
}

std::string points(const stats::Interval& interval) {
  return points(interval.low) + " to " + points(interval.high);
}

std::string percents(const stats::Interval& interval) {
  return fmt::format("{:.1f} to {:.1f} %", 100 * interval.low, 100 * interval.high);
}

std::string p_value(const std::optional<double>& p) {
  if (!p) return "not estimable";
  if (*p < 0.001) return "< 0.001";
  return fmt::format("{:.3f}", *p);
}

std::string thousands(std::int64_t n) {
  std::string digits = std::to_string(n);
  const std::size_t sign = n < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > sign + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string duration(double seconds) {
  if (seconds < 100) return fmt::format("{:.0f} s", seconds);
  if (seconds < 5400) return fmt::format("{:.1f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

std::string counted(std::uint64_t n, const std::string& word, const std::string& plural) {
  const std::string many = plural.empty() ? word + "s" : plural;
  return thousands(static_cast<std::int64_t>(n)) + " " + (n == 1 ? word : many);
}

std::optional<ToldInterval> told_interval(const Analysis& analysis,
                                          const stats::PairSummary& pair) {
  const auto& told = pair.delta.told();
  if (!told) return std::nullopt;
  std::string over = "over " + analysis.task(pair.task).words.clusters;
  if (pair.delta.items_and_seeds) {
    over += " and " + counted(pair.seeds, "seed");
  } else if (!pair.computed_once) {
    over += ", this seed alone";
  }
  return ToldInterval{told->ci95, over};
}

std::string metric_words(results::Primary primary) {
  switch (primary) {
    case results::Primary::exec:
      return "execution accuracy (official test-suite rules)";
    case results::Primary::set:
      return "execution accuracy (result sets equal)";
    case results::Primary::strict:
      return "execution accuracy (strict: bags, ordered where the gold orders)";
  }
  return "";
}

std::vector<std::string> warnings(const Study& study) {
  std::vector<std::string> lines;
  for (const MissingCell& cell : study.missing) {
    lines.push_back(fmt::format("Missing: arm {}, seed {}, {}. The rest is reduced without it.",
                                cell.arm, cell.seed, task_title(cell.task)));
  }
  for (const std::string& note : study.notes) lines.push_back(note + ".");
  return lines;
}

}  // namespace tradeoff::report
