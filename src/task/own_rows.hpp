#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"

namespace tradeoff::task {

/// A row of a file of one's own, and what errors call it.
struct OwnRow {
  Json fields;
  std::string place;
  // Its own id, or its number from 0.
  std::string id;
};

/// Rows of a .jsonl, .csv (with a header; an empty field is absent) or .json file. Throws Error
/// naming file and row for another ending, a row that is no object, an id that occurs twice, a file
/// without a row.
std::vector<OwnRow> read_own_rows(const std::filesystem::path& path);

/// The text of a key, which must be there and not blank.
std::string own_text(const OwnRow& row, const char* key);
/// The value of the key that groups questions, as text; empty without such a key.
std::string own_group(const OwnRow& row, const std::string& key);

}  // namespace tradeoff::task
