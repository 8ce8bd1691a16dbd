#include "tradeoff/config/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tradeoff::config {

std::string canonical(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '-', '_');
  return text;
}

std::optional<bool> parse_bool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::optional<double> parse_real(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> parts;
  if (trim(text).empty()) return parts;
  for (;;) {
    const auto comma = text.find(',');
    parts.push_back(trim(text.substr(0, comma)));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

std::optional<std::string> unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      plain += text[i];
      continue;
    }
    constexpr std::string_view kLetters = "ntr\\", kMeant = "\n\t\r\\";
    const auto place = i + 1 < text.size() ? kLetters.find(text[++i]) : std::string_view::npos;
    if (place == std::string_view::npos) return std::nullopt;
    plain += kMeant[place];
  }
  return plain;
}

Kind<double> points_or_fraction() {
  Kind<double> kind = kind_of<double>();
  kind.expected = "points with their unit, as \"3 points\", or a fraction, as 0.03";
  kind.placeholder = "POINTS";
  kind.parse = [](std::string_view text) -> std::optional<double> {
    for (const std::string_view unit : {"points", "point", "pp"}) {
      if (!text.ends_with(unit)) continue;
      const auto number = parse_real(trim(text.substr(0, text.size() - unit.size())));
      return number ? std::optional(*number / 100) : std::nullopt;
    }
    const auto number = parse_real(text);
    return number && std::abs(*number) < 1 ? number : std::nullopt;
  };
  kind.asks = [](std::string_view text) -> std::string {
    const auto number = parse_real(text);
    if (!number || std::abs(*number) < 1 || std::abs(*number) > 100) return "";
    return fmt::format("is \"{} points\", the fraction {:g}, meant?", trim(text), *number / 100);
  };
  return kind;
}

}  // namespace tradeoff::config
