#include "own_rows.hpp"

#include <fmt/format.h>

#include <map>

#include "tradeoff/base/csv.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/task/item.hpp"

namespace tradeoff::task {
namespace {

namespace fs = std::filesystem;

std::vector<OwnRow> csv_rows(const fs::path& path) {
  std::vector<OwnRow> rows;
  std::vector<std::string> names;
  for (const CsvRow& row : read_csv(path)) {
    const std::string place = fmt::format("{}:{}: row {}", path.string(), row.line, row.row);
    if (names.empty()) {
      names = row.fields;
      continue;
    }
    if (row.fields.size() != names.size())
      fail(fmt::format("{}: found {} fields, expected the header's {}", place, row.fields.size(),
                       names.size()));
    Json fields = Json::object();
    for (std::size_t i = 0; i < names.size(); ++i)
      if (!row.fields[i].empty()) fields[names[i]] = row.fields[i];
    rows.push_back({std::move(fields), place, ""});
  }
  return rows;
}

std::vector<OwnRow> json_rows(const fs::path& path) {
  const Json list = read_json(path);
  check(list.is_array(), path.string() + ": expected a list of objects");
  std::vector<OwnRow> rows;
  for (const Json& one : list)
    rows.push_back({one, fmt::format("{}: row {} (from 0)", path.string(), rows.size()), ""});
  return rows;
}

std::vector<OwnRow> jsonl_rows(const fs::path& path) {
  std::vector<OwnRow> rows;
  for_each_json_line(path, [&](Json& row, std::size_t line) {
    rows.push_back({row, fmt::format("{}:{}", path.string(), line), ""});
  });
  return rows;
}

std::vector<OwnRow> rows_of(const fs::path& path) {
  const std::string ending = path.extension().string();
  if (ending == ".jsonl") return jsonl_rows(path);
  if (ending == ".csv") return csv_rows(path);
  if (ending == ".json") return json_rows(path);
  fail(fmt::format("{}: found the ending \"{}\", expected .jsonl, .csv or .json", path.string(),
                   ending));
}

std::string id_of(const OwnRow& row, std::size_t number) {
  const auto id = row.fields.find("id");
  if (id == row.fields.end()) return std::to_string(number);
  if (!id->is_string() && !id->is_number_integer())
    fail(fmt::format("{}: key \"id\": found {}, expected a text or an integer", row.place,
                     to_line(*id)));
  return id_text(*id);
}

}  // namespace

std::vector<OwnRow> read_own_rows(const fs::path& path) {
  std::vector<OwnRow> rows = rows_of(path);
  check(!rows.empty(), path.string() + ": found no row, expected at least one");
  std::map<std::string, std::string> seen;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    check(rows[i].fields.is_object(), rows[i].place + ": expected an object");
    rows[i].id = id_of(rows[i], i);
    const auto [first, is_new] = seen.emplace(rows[i].id, rows[i].place);
    if (!is_new)
      fail(fmt::format("{}: id {} occurs a second time (first in {})", rows[i].place, rows[i].id,
                       first->second));
  }
  return rows;
}

std::string own_text(const OwnRow& row, const char* key) {
  const auto found = row.fields.find(key);
  if (found == row.fields.end()) fail(fmt::format("{}: missing key \"{}\"", row.place, key));
  if (!found->is_string())
    fail(fmt::format("{}: key \"{}\": found {}, expected a text", row.place, key, to_line(*found)));
  const auto text = found->get<std::string>();
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    fail(fmt::format("{}: key \"{}\" is empty", row.place, key));
  return text;
}

std::string own_group(const OwnRow& row, const std::string& key) {
  if (key.empty()) return "";
  const auto found = row.fields.find(key);
  if (found == row.fields.end())
    fail(fmt::format("{}: missing key \"{}\", by which questions are grouped", row.place, key));
  if (!found->is_string() && !found->is_number_integer())
    fail(fmt::format("{}: key \"{}\": found {}, expected a text or an integer", row.place, key,
                     to_line(*found)));
  return id_text(*found);
}

}  // namespace tradeoff::task
