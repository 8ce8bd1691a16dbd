#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "tradeoff/base/json.hpp"

namespace tradeoff::sql {

/// Whether a file of queries holds records rather than a query a line: .jsonl, .csv, or a text that
/// begins as JSON does.
bool is_record_file(const std::filesystem::path& path, std::string_view text);

/// One digit or more, and nothing else.
bool is_digits(std::string_view text);

/// Calls `record(row, place)` for each record, an object of named values; `place` says where it
/// stands ("FILE:LINE"). Read are JSON lines, one JSON list of objects, CSV (its header names the
/// values; two columns without one are id and sql), and BIRD's predictions, {"0": "SQL\t----- bird
/// -----\tdb"}, in one line, in many or as JSON lines: each pair becomes {"bird": "0", "sql":
/// "SQL", "db_id": "db"}. Errors, also those thrown by `record`, name file and place.
void for_each_record(const std::filesystem::path& path,
                     const std::function<void(Json& row, const std::string& place)>& record);

}  // namespace tradeoff::sql
