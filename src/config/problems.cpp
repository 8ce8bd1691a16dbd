#include "tradeoff/config/problems.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tradeoff/base/edit_distance.hpp"

namespace tradeoff::config {
void Problems::add(std::string_view where, std::string_view what) {
  auto line = where.empty() ? std::string(what) : fmt::format("{}: {}", where, what);
  // A base section is read again for every arm; its faults are told once.
  if (std::ranges::find(lines_, line) == lines_.end()) lines_.push_back(std::move(line));
}

void Problems::throw_if_any() const {
  if (lines_.empty()) return;
  if (lines_.size() == 1) throw UsageError(lines_.front());
  std::string text = fmt::format("{} problems", lines_.size());
  for (const auto& line : lines_) text += "\n  " + line;
  throw UsageError(text);
}

std::string nearest(std::string_view name, const std::vector<std::string>& names) {
  std::string found;
  std::size_t best = std::max<std::size_t>(name.size() / 3, 1) + 1;
  for (const auto& candidate : names) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& names) {
  const std::string found = nearest(name, names);
  return found.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", found);
}

}  // namespace tradeoff::config
