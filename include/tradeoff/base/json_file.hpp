#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff {

/// The key of `json`, which the file holds, as field() reads it; errors name the file.
template <typename T>
T field_of_file(const Json& json, const std::filesystem::path& path, std::string_view key) {
  try {
    return field<T>(json, key);
  } catch (const Error& error) {
    fail(path.string() + ": " + error.what());
  }
}

/// The same of a file that is read for this key alone.
template <typename T>
T field_of_file(const std::filesystem::path& path, std::string_view key) {
  return field_of_file<T>(read_json(path), path, key);
}

/// A file of JSON, indented by two, with its newline; bytes that are not UTF-8 become U+FFFD.
std::string to_lines(const Json& value);

}  // namespace tradeoff
