#include "record_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "tradeoff/base/csv.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff::sql {
namespace {

namespace fs = std::filesystem;
using Record = std::function<void(Json& row, const std::string& place)>;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// The text behind a byte-order mark and blanks.
std::string_view begun(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const std::size_t first = text.find_first_not_of(" \t\r\n\f\v");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

// Whether an object is BIRD's: its keys are numbers, its values texts.
bool is_bird(const Json& object) {
  if (!object.is_object() || object.empty()) return false;
  for (const auto& [key, value] : object.items())
    if (!is_digits(key) || !value.is_string()) return false;
  return true;
}

void bird_records(const Json& object, const std::string& place, const Record& record) {
  constexpr std::string_view kMark = "\t----- bird -----\t";
  for (const auto& [key, value] : object.items()) {
    const std::string text = value.get<std::string>();
    const std::size_t mark = text.find(kMark);
    Json row = {{"bird", key}, {"sql", text.substr(0, mark)}};
    if (mark != std::string::npos) row["db_id"] = text.substr(mark + kMark.size());
    record(row, place);
  }
}

template <typename Act>
void at_place(const std::string& place, Act act) {
  try {
    act(place);
  } catch (const Error& error) {
    fail(fmt::format("{}: {}", place, error.what()));
  }
}

void list_records(const fs::path& path, const Record& record) {
  Json list = read_json(path);
  for (std::size_t i = 0; i < list.size(); ++i)
    at_place(fmt::format("{}: entry {} (from 0)", path.string(), i), [&](const std::string& place) {
      check(list[i].is_object(),
            fmt::format("expected an object with an id and SQL, found {}", list[i].type_name()));
      record(list[i], place);
    });
}

// The names of a CSV's values, without case. The column that pandas leaves without a name, its
// index, is the id where there is no other.
std::vector<std::string> header_of(const CsvRow& first) {
  std::vector<std::string> names;
  for (const std::string& name : first.fields) names.push_back(lower(name));
  const auto holds = [&](const char* name) {
    return std::ranges::find(names, name) != names.end();
  };
  if (names[0].empty() && !holds("id") && !holds("question_id")) names[0] = "id";
  return names;
}

void csv_records(const fs::path& path, const Record& record) {
  const std::vector<CsvRow> rows = read_csv(path);
  if (rows.empty()) return;
  const bool bare = rows[0].fields.size() == 2 && is_digits(rows[0].fields[0]);
  const auto names = bare ? std::vector<std::string>{"id", "sql"} : header_of(rows[0]);
  for (std::size_t i = bare ? 0 : 1; i < rows.size(); ++i)
    at_place(fmt::format("{}:{}", path.string(), rows[i].line), [&](const std::string& place) {
      const auto& fields = rows[i].fields;
      check(fields.size() == names.size(), fmt::format("{} values where the columns are {}",
                                                       fields.size(), fmt::join(names, ", ")));
      Json row;
      for (std::size_t k = 0; k < names.size(); ++k) row[names[k]] = fields[k];
      record(row, place);
    });
}

// The whole text as one object, as BIRD writes it; nothing where it is JSON lines.
std::optional<Json> one_object(std::string_view text) {
  try {
    return parse_json(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_record_file(const fs::path& path, std::string_view text) {
  const std::string extension = lower(path.extension().string());
  const std::string_view begin = begun(text);
  return extension == ".jsonl" || extension == ".csv" || begin.starts_with('{') ||
         begin.starts_with('[');
}

void for_each_record(const fs::path& path, const Record& record) {
  if (lower(path.extension().string()) == ".csv") return csv_records(path, record);
  {
    const MappedFile file(path);
    const std::string_view text = begun(file.text());
    if (text.starts_with('[')) return list_records(path, record);
    const auto whole = text.starts_with('{') ? one_object(text) : std::nullopt;
    if (whole && is_bird(*whole))
      return at_place(path.string(),
                      [&](const std::string& place) { bird_records(*whole, place, record); });
    const std::size_t line_end = whole ? text.find('\n') : text.npos;
    if (line_end != text.npos && !begun(text.substr(line_end)).empty()) {
      std::vector<std::string> keys;
      for (const auto& [key, value] : whole->items())
        if (keys.size() < 5) keys.push_back(key);
      fail(
          fmt::format("{}: found one JSON object with the keys {}; expected JSON lines, a list of "
                      "objects, or BIRD's object of numbers and SQL",
                      path.string(), fmt::join(keys, ", ")));
    }
  }
  for_each_json_line(path, [&](Json& row, std::size_t line) {
    const std::string place = fmt::format("{}:{}", path.string(), line);
    if (is_bird(row)) {
      bird_records(row, place, record);
    } else {
      record(row, place);
    }
  });
}

}  // namespace tradeoff::sql
