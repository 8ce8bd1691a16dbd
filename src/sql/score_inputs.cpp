#include "score_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff::sql {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShownIds = 5;
constexpr std::string_view kBlanks = " \t\r\n\f\v";

std::string_view stripped(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

// What newlines end, and a last line that lacks its newline; without a byte-order mark.
std::vector<std::string_view> lines_of(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(stripped(text.substr(0, end)));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

bool is_json_lines(const fs::path& path, std::string_view text) {
  return path.extension() == ".jsonl" || stripped(text.substr(0, 4096)).starts_with('{');
}

// An id as text, and whether it was a number.
std::pair<std::string, bool> id_of(const Json& row, std::string_view key) {
  const auto found = row.find(key);
  if (found == row.end()) fail(fmt::format("missing key \"{}\"", key));
  if (found->is_number_integer()) return {std::to_string(found->get<std::int64_t>()), true};
  if (found->is_string()) return {found->get<std::string>(), false};
  fail(fmt::format("key \"{}\": expected a number or a string", key));
}

std::vector<ScoreItem> read_json_gold(const fs::path& path) {
  std::vector<ScoreItem> items;
  for_each_json_line(path, [&](Json& row, std::size_t) {
    ScoreItem item;
    if (row.contains("id")) {
      std::tie(item.id, item.id_is_number) = id_of(row, "id");
    } else {
      item.id = std::to_string(items.size());
    }
    item.db_id = field<std::string>(row, "db_id");
    item.gold = field<std::string>(row, "query");
    items.push_back(std::move(item));
  });
  return items;
}

// Blank lines give items without a db_id; the caller makes sessions of them.
std::vector<ScoreItem> read_plain_gold(const fs::path& path, std::string_view text) {
  std::vector<ScoreItem> items;
  auto lines = lines_of(text);
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    ScoreItem item;
    item.id = std::to_string(i);
    if (!lines[i].empty()) {
      const std::size_t tab = lines[i].find('\t');
      check(tab != std::string_view::npos && lines[i].find('\t', tab + 1) == std::string_view::npos,
            fmt::format("{}:{}: expected a query, one tab and a db_id, found \"{}\"", path.string(),
                        i + 1, lines[i].substr(0, 80)));
      item.gold = lines[i].substr(0, tab);
      item.db_id = lines[i].substr(tab + 1);
    }
    items.push_back(std::move(item));
  }
  return items;
}

void add_plain_predictions(std::vector<ScoreItem>& items, const fs::path& gold,
                           const fs::path& path, std::string_view text) {
  auto lines = lines_of(text);
  // Blank lines behind the last gold answer nothing; a line that is not there is never an answer.
  while (lines.size() > items.size() && lines.back().empty()) lines.pop_back();
  check(lines.size() == items.size(),
        fmt::format("{} has {} lines and {} has {}: expected one prediction a gold line "
                    "(an empty answer is an empty line)",
                    path.string(), lines.size(), gold.string(), items.size()));
  std::vector<ScoreItem> kept;
  int session = 0, turn = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    ScoreItem& item = items[i];
    if (item.db_id.empty()) {
      check(lines[i].empty(),
            fmt::format("{}:{}: found a prediction where {} has a blank line (end of a session)",
                        path.string(), i + 1, gold.string()));
      ++session;
      turn = 0;
      continue;
    }
    item.prediction = lines[i].substr(0, lines[i].find('\t'));
    item.session = session;
    item.turn = turn++;
    kept.push_back(std::move(item));
  }
  items = std::move(kept);
}

// Golds from the documents of lm-evaluation-harness samples.
std::vector<ScoreItem> read_sample_gold(const fs::path& path) {
  std::vector<ScoreItem> items;
  for_each_json_line(path, [&](Json& row, std::size_t) {
    const auto doc = row.find("doc");
    if (doc == row.end() || !doc->is_object())
      fail("without --gold, expected a sample with \"doc\", which holds \"query\" and \"db_id\"");
    ScoreItem item;
    std::tie(item.id, item.id_is_number) = id_of(row, "doc_id");
    item.db_id = field<std::string>(*doc, "db_id");
    item.gold = field<std::string>(*doc, "query");
    items.push_back(std::move(item));
  });
  return items;
}

// The answer of an lm-evaluation-harness sample: the first filtered response, however deep.
std::string response_of(const Json& row) {
  const Json* value = row.contains("filtered_resps") ? &row.at("filtered_resps") : &row.at("resps");
  while (value->is_array() && !value->empty()) value = &value->front();
  if (!value->is_string()) fail("expected a text in \"filtered_resps\" or \"resps\"");
  return value->get<std::string>();
}

// BIRD's predictions: one object, {"0": "SQL\t----- bird -----\tdb_id", ...}, in one line or many,
// its keys the places of the golds. Nothing where the file is of another form.
std::optional<Json> bird_object(const fs::path& path, std::string_view text) {
  if (path.extension() == ".jsonl" || !text.starts_with('{')) return std::nullopt;
  Json object = Json::parse(text, nullptr, false);
  if (!object.is_object() || object.empty()) return std::nullopt;
  for (const auto& [key, value] : object.items())
    if (!value.is_string() || key.find_first_not_of("0123456789") != std::string::npos)
      return std::nullopt;
  return object;
}

void add_bird_predictions(std::vector<ScoreItem>& items, const fs::path& path, const Json& object) {
  std::erase_if(items, [](const ScoreItem& item) { return item.db_id.empty(); });
  check(object.size() == items.size(),
        fmt::format("{} has {} predictions and the gold file {} queries: expected one for each",
                    path.string(), object.size(), items.size()));
  constexpr std::string_view kMark = "\t----- bird -----\t";
  for (ScoreItem& item : items) {
    const auto found = object.find(item.id);
    check(found != object.end(), fmt::format("{}: no key \"{}\"", path.string(), item.id));
    const std::string text = found->get<std::string>();
    const std::size_t mark = text.find(kMark);
    item.prediction = text.substr(0, mark);
    if (mark == std::string::npos) continue;
    const std::string db_id = text.substr(mark + kMark.size());
    check(db_id == item.db_id, fmt::format("{}: key \"{}\": found the database \"{}\", expected "
                                           "\"{}\", as in the gold file",
                                           path.string(), item.id, db_id, item.db_id));
  }
}

void add_json_predictions(std::vector<ScoreItem>& items, const fs::path& path,
                          const Extract& extract) {
  std::erase_if(items, [](const ScoreItem& item) { return item.db_id.empty(); });
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < items.size(); ++i) {
    check(places.try_emplace(items[i].id, i).second,
          fmt::format("gold: the id {} occurs twice", items[i].id));
    items[i].answered = false;
  }
  for_each_json_line(path, [&](Json& row, std::size_t) {
    const bool sample = row.contains("doc_id") && !row.contains("id");
    const std::string id = id_of(row, sample ? "doc_id" : "id").first;
    const auto place = places.find(id);
    if (place == places.end()) fail(fmt::format("the id {} is not in the gold file", id));
    ScoreItem& item = items[place->second];
    if (item.answered) fail(fmt::format("the id {} occurs twice", id));
    item.answered = true;
    item.prediction = field_or<std::string>(row, "sql", "");
    // `predict` writes both; where it found no statement the text says whether there were words.
    if (!item.prediction.empty() || (row.contains("sql") && !row.contains("text"))) return;
    const std::string text = sample ? response_of(row) : field<std::string>(row, "text");
    item.prediction = extract ? extract(text) : text;
  });
  std::vector<std::string_view> missing;
  for (const ScoreItem& item : items)
    if (!item.answered) missing.push_back(item.id);
  if (missing.empty()) return;
  std::string ids;
  for (std::size_t i = 0; i < std::min(missing.size(), kShownIds); ++i)
    ids += fmt::format("{}{}", i ? ", " : "", missing[i]);
  fail(fmt::format(
      "{}: no row for {} of {} questions (id {}{}): expected one for each (an empty "
      "answer is \"\")",
      path.string(), missing.size(), items.size(), ids, missing.size() > kShownIds ? ", ..." : ""));
}

std::vector<ScoreItem> read_gold(const fs::path& path, bool samples) {
  if (samples) return read_sample_gold(path);
  const MappedFile file(path);
  return is_json_lines(path, file.text()) ? read_json_gold(path)
                                          : read_plain_gold(path, file.text());
}

}  // namespace

std::vector<ScoreItem> read_score_items(const fs::path& gold, const fs::path& predictions,
                                        const Extract& extract) {
  const MappedFile predicted_file(predictions);
  std::vector<ScoreItem> items = read_gold(gold.empty() ? predictions : gold, gold.empty());
  const std::string_view text = stripped(predicted_file.text());
  check(!text.starts_with('['),
        fmt::format("{}: found a JSON list, expected one SQL a line, JSON lines, or BIRD's object "
                    "of id and SQL; jq -c '.[]' makes lines of a list",
                    predictions.string()));
  if (const auto bird = bird_object(predictions, text); bird && !gold.empty()) {
    add_bird_predictions(items, predictions, *bird);
  } else if (gold.empty() || is_json_lines(predictions, predicted_file.text())) {
    add_json_predictions(items, predictions, extract);
  } else {
    add_plain_predictions(items, gold, predictions, predicted_file.text());
  }
  check(!items.empty(),
        fmt::format("{}: no gold queries", (gold.empty() ? predictions : gold).string()));
  return items;
}

}  // namespace tradeoff::sql
