#pragma once
// The templates of json.hpp.
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff {

template <typename T>
T value_as(const Json& value);

namespace detail {

template <typename T>
struct ElementOf {};
template <typename T>
struct ElementOf<std::vector<T>> {
  using type = T;
};

struct Unexpected {
  explicit Unexpected(std::string text) : what(std::move(text)) {}
  std::string what;
};

template <typename T>
T integer_in_range(const Json& value) {
  using Limits = std::numeric_limits<T>;
  const bool fits = value.is_number_unsigned()
                        ? std::in_range<T>(value.get<std::uint64_t>())
                        : value.is_number_integer() && std::in_range<T>(value.get<std::int64_t>());
  if (!fits) {
    throw Unexpected("an integer from " + std::to_string(Limits::min()) + " to " +
                     std::to_string(Limits::max()));
  }
  return value.get<T>();
}

// Throws Unexpected.
template <typename T>
T converted(const Json& value) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    return detail::integer_in_range<T>(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!value.is_number() || !std::isfinite(value.get<T>())) throw Unexpected("a finite number");
    return value.get<T>();
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_boolean()) throw Unexpected("true or false");
    return value.get<bool>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!value.is_string()) throw Unexpected("a string");
    return value.get<std::string>();
  } else if constexpr (requires { typename detail::ElementOf<T>::type; }) {
    if (!value.is_array()) throw Unexpected("an array");
    T values;
    for (const Json& element : value) {
      values.push_back(value_as<typename detail::ElementOf<T>::type>(element));
    }
    return values;
  } else {
    static_assert(std::is_same_v<T, Json>, "say what a value of this type looks like");
    return value;
  }
}

/// The value as it is, short.
std::string shown(const Json& value);

}  // namespace detail

template <typename T>
T value_as(const Json& value) {
  try {
    return detail::converted<T>(value);
  } catch (const detail::Unexpected& expected) {
    fail("found " + detail::shown(value) + ", expected " + expected.what);
  }
}

template <typename T>
T field(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end()) fail("missing key \"" + std::string(key) + "\"");
  try {
    return value_as<T>(*found);
  } catch (const Error& error) {
    fail("key \"" + std::string(key) + "\": " + error.what());
  }
}

template <typename T>
T field_or(const Json& object, std::string_view key, T fallback) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return fallback;
  return field<T>(object, key);
}

}  // namespace tradeoff
