#pragma once
#include <charconv>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/stats/margin.hpp"

namespace tradeoff::config {

/// How values of type T are read from text and written to JSON.
template <typename T>
struct Kind {
  /// nullopt where the text is no T.
  std::function<std::optional<T>(std::string_view)> parse;
  std::function<Json(const T&)> json;
  std::string expected;     // "an integer"
  std::string placeholder;  // "N", for --help
  /// Of a text that is no T: what may have been meant, as a question; "" where nothing may.
  std::function<std::string(std::string_view)> asks = {};
};

/// Names of an enum's values, in the order in which --help shows them; `-` and `_` in them are
/// alike.
template <typename E>
using Names = std::vector<std::pair<std::string, E>>;

/// "max-new-tokens" as the tables write it, "max_new_tokens".
std::string canonical(std::string_view name);

std::optional<bool> parse_bool(std::string_view text);  // true | false
/// Finite decimal numbers: "2e-4"; no inf, nan or hexadecimal.
std::optional<double> parse_real(std::string_view text);
/// The elements of "a, b, c", trimmed; "" has none.
std::vector<std::string_view> split_list(std::string_view text);
std::string_view trim(std::string_view text);
/// `\n`, `\t`, `\r`, `\\` written out become the character; nullopt for any other escape.
std::optional<std::string> unescape(std::string_view text);

template <typename T>
std::optional<T> parse_integer(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// bool, integers, double, stats::Margin, std::string and std::filesystem::path.
template <typename T>
Kind<T> kind_of() {
  const auto as_json = [](const auto& value) { return Json(value); };
  if constexpr (std::is_same_v<T, bool>) {
    return {parse_bool, as_json, "true or false", "true|false"};
  } else if constexpr (std::is_integral_v<T>) {
    return {parse_integer<T>, as_json,
            std::is_unsigned_v<T> ? "an integer, not negative" : "an integer", "N"};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {[](std::string_view text) -> std::optional<T> { return parse_real(text); }, as_json,
            "a number", "X"};
  } else if constexpr (std::is_same_v<T, std::string>) {
    return {[](std::string_view text) { return std::optional<T>(text); }, as_json, "text", "TEXT"};
  } else if constexpr (std::is_same_v<T, stats::Margin>) {
    return {stats::parse_margin, [](const T& value) { return Json(value.fraction); },
            "a margin with its unit, as \"1 point\" or \"0.5 points\"", "POINTS"};
  } else {
    static_assert(std::is_same_v<T, std::filesystem::path>, "config::kind_of: no such type");
    return {[](std::string_view text) { return std::optional<T>(text); },
            [](const T& value) { return Json(value.string()); }, "a path", "PATH"};
  }
}

/// A number, or one word that stands for `meaning`.
template <typename T>
Kind<T> number_or(const std::string& word, T meaning) {
  Kind<T> kind = kind_of<T>();
  kind.parse = [word, meaning, parse = kind.parse](std::string_view text) -> std::optional<T> {
    if (text == word) return meaning;
    const std::optional<T> number = parse(text);
    return number == meaning ? std::nullopt : number;
  };
  kind.json = [word, meaning](const T& value) {
    return value == meaning ? Json(word) : Json(value);
  };
  kind.expected += " or " + word;
  kind.placeholder += "|" + word;
  return kind;
}

/// A share of all questions: "3 points", "0.5 pp", or the fraction 0.03. A bare number of 1 or more
/// is no fraction, and asks whether points are meant.
Kind<double> points_or_fraction();

/// One of the names.
template <typename E>
Kind<E> choice_of(Names<E> names) {
  Kind<E> kind;
  for (const auto& [name, value] : names)
    kind.placeholder += (kind.placeholder.empty() ? "" : "|") + name;
  kind.expected = "one of " + kind.placeholder;
  kind.parse = [names](std::string_view text) -> std::optional<E> {
    for (const auto& [name, value] : names)
      if (canonical(name) == canonical(text)) return value;
    return std::nullopt;
  };
  kind.json = [names](const E& wanted) {
    for (const auto& [name, value] : names)
      if (value == wanted) return Json(name);
    fail("config: a value without a name among " + std::to_string(names.size()) + " names");
  };
  return kind;
}

}  // namespace tradeoff::config
