#include "tradeoff/config/option.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tradeoff::config {

Option::Option(std::string section, std::string name, std::string help)
    : section_(std::move(section)), name_(std::move(name)), help_(std::move(help)) {}

Option& Option::required() {
  required_ = true;
  return *this;
}

Option& Option::local() {
  local_ = true;
  return *this;
}

Option& Option::recorded_where_set() {
  sparse_ = true;
  default_ = value_();
  return *this;
}

Option& Option::shared() {
  shared_ = true;
  return *this;
}

Option& Option::at_least(double low) {
  bounds_.push_back({[low](double x) { return x >= low; }, fmt::format("at least {}", low)});
  return *this;
}

Option& Option::above(double low) {
  bounds_.push_back({[low](double x) { return x > low; }, fmt::format("above {}", low)});
  return *this;
}

Option& Option::at_most(double high) {
  bounds_.push_back({[high](double x) { return x <= high; }, fmt::format("at most {}", high)});
  return *this;
}

Option& Option::commas() {
  commas_ = true;
  return *this;
}

Option& Option::escaped() {
  escaped_ = true;
  return *this;
}

Option& Option::placeholder(std::string text) {
  placeholder_ = std::move(text);
  return *this;
}

std::string Option::set(std::string_view text, bool append) {
  std::string plain(text);
  if (escaped_) {
    const auto meant = unescape(text);
    if (!meant) return expected() + " with no other escape than \\n, \\t, \\r and \\\\";
    plain = *meant;
  }
  std::vector<std::string_view> elements{plain};
  if (list_ && commas_) elements = split_list(plain);
  if (list_ && plain.empty()) elements.clear();
  if (!append) clear_();
  for (const auto element : elements)
    if ((list_ && element.empty()) || !take_(element) || !within_bounds())
      return expected_for(element);
  return "";
}

std::string Option::expected_for(std::string_view text) const {
  const std::string question = asks_ ? asks_(text) : "";
  return expected() + (question.empty() ? "" : "; " + question);
}

bool Option::within_bounds() const {
  if (bounds_.empty()) return true;
  const Json found = value_();
  const Json& last = found.is_array() && !found.empty() ? found.back() : found;
  return !last.is_number() || std::ranges::all_of(bounds_, [&](const Bound& bound) {
    return bound.holds(last.get<double>());
  });
}

std::string Option::expected() const {
  std::string text = expected_;
  for (const auto& bound : bounds_) text += ", " + bound.text;
  return list_ && commas_ ? "each of the list: " + text : text;
}

}  // namespace tradeoff::config
