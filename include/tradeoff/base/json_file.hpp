#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff {

/// The key of the object that the file holds, as field() reads it; errors name the file.
template <typename T>
T field_of_file(const std::filesystem::path& path, std::string_view key) {
  const Json json = read_json(path);
  try {
    return field<T>(json, key);
  } catch (const Error& error) {
    fail(path.string() + ": " + error.what());
  }
}

}  // namespace tradeoff
