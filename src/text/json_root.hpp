#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace tradeoff::text {

// Sorted keys: with base's order-keeping objects a vocabulary of n tokens takes O(n^2) to read.
using JsonObject = nlohmann::json;

/// Of a tokenizer's file; a GGUF holds a model too. Mistral's tekken.json has 19 MB, and no
/// vocabulary that this program can use has more.
inline constexpr std::size_t kMostTokenizerMiB = 256;

/// The object that a tokenizer's JSON file holds. Throws Error naming the file where it is none, is
/// larger than a vocabulary can be, or is nested deeper than 64 levels.
JsonObject read_json_root(const std::filesystem::path& path);

/// `object`[key], or null where there is none.
const JsonObject& json_at(const JsonObject& object, const char* key);
/// `value` as an error shows it, cut to `most` bytes.
std::string shown_json(const JsonObject& value, std::size_t most = 200);

}  // namespace tradeoff::text
