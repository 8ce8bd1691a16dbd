#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff::text {

// Sorted keys: with base's order-keeping objects a vocabulary of n tokens takes O(n^2) to read.
using JsonObject = nlohmann::json;

/// Throws Error where a tokenizer's file has more than 256 MiB. A GGUF may: it holds a model too.
void check_tokenizer_size(const std::filesystem::path& path, const MappedFile& file);

/// The object that a tokenizer's JSON file holds. Throws Error naming the file where it is none, is
/// larger than a vocabulary can be, or is nested deeper than 64 levels.
JsonObject read_json_root(const std::filesystem::path& path);

/// `object`[key], or null where there is none.
const JsonObject& json_at(const JsonObject& object, const char* key);
/// `value` as an error shows it, cut to `most` bytes.
std::string shown_json(const JsonObject& value, std::size_t most = 200);

}  // namespace tradeoff::text
