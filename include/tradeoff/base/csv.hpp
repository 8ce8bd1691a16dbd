#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tradeoff {

/// One record of a CSV file and where it begins; both count from 1.
struct CsvRow {
  std::vector<std::string> fields;
  std::size_t row = 0;
  std::size_t line = 0;
};

/// All records of an RFC 4180 file in order, as Python's csv.reader reads them: fields may hold
/// commas, line breaks (kept as they are) and doubled quotes; a quote inside an unquoted field is a
/// character; blank lines are no records. A byte-order mark is accepted. Throws Error "FILE:LINE:
/// row N: ..." for an unclosed quote, text after a closing quote, and bytes that are not UTF-8.
std::vector<CsvRow> read_csv(const std::filesystem::path& path);
/// The same of a text in memory, with another separator where one is given; `path` is what errors
/// name.
std::vector<CsvRow> parse_csv(std::string_view text, const std::filesystem::path& path,
                              char separator = ',');

}  // namespace tradeoff
