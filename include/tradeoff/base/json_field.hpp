#pragma once
// The templates of json.hpp.
#include <string>
#include <type_traits>
#include <vector>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff {

template <typename T>
T field(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end()) fail("missing key \"" + std::string(key) + "\"");
  try {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      if (!found->is_number_integer()) fail("an integer");
    } else if constexpr (std::is_floating_point_v<T>) {
      if (!found->is_number()) fail("a number");
    } else if constexpr (std::is_same_v<T, std::string>) {
      if (!found->is_string()) fail("a string");
    }
    return found->template get<T>();
  } catch (const std::exception& error) {
    std::string shown = to_line(*found);
    if (shown.size() > 80) shown = shown.substr(0, 77) + "...";
    fail("key \"" + std::string(key) + "\": found " + shown + ", expected " + error.what());
  }
}

template <typename T>
T field_or(const Json& object, std::string_view key, T fallback) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return fallback;
  return field<T>(object, key);
}

}  // namespace tradeoff
