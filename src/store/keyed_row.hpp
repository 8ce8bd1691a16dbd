#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/store/prediction.hpp"

/// Rows as JSON objects whose keys are told once, by a function that visits them with either of
/// these.
namespace tradeoff::store {

struct KeyWriter {
  Json row = Json::object();

  template <typename T>
  void operator()(std::string_view key, const T& value) {
    row[key] = value;
  }
  template <typename T>
  void operator()(std::string_view key, const std::optional<T>& value) {
    if (value) row[key] = *value;
  }
  void operator()(std::string_view key, const std::vector<double>& values) {
    row[key] = values.empty() ? Json() : Json(values);
  }
  void operator()(std::string_view key, Finish finish) { row[key] = name_of(finish); }
};

struct KeyReader {
  const Json& row;
  std::vector<std::string_view> known = {};

  template <typename T>
  void operator()(std::string_view key, T& value) {
    known.push_back(key);
    value = field<T>(row, key);
  }
  template <typename T>
  void operator()(std::string_view key, std::optional<T>& value) {
    known.push_back(key);
    if (row.contains(key)) value = field<T>(row, key);
  }
  void operator()(std::string_view key, std::vector<double>& values) {
    known.push_back(key);
    const auto found = row.find(key);
    const bool none = found != row.end() && found->is_null();
    if (!none) values = field<std::vector<double>>(row, key);
  }
  void operator()(std::string_view key, Finish& finish) {
    known.push_back(key);
    const auto name = field<std::string>(row, key);
    finish = name == name_of(Finish::stop) ? Finish::stop : Finish::length;
    if (name != name_of(finish))
      fail("key \"" + std::string(key) + "\": found \"" + name + "\", expected stop or length");
  }

  void check_no_other() const {
    for (const auto& [key, value] : row.items()) {
      if (std::ranges::find(known, key) == known.end()) fail("unknown key \"" + key + "\"");
    }
  }
};

}  // namespace tradeoff::store
