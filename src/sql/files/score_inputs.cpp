#include "score_inputs.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <unordered_map>

#include "record_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/lines.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/sql/files/sample_filter.hpp"

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
std::vector<std::string_view> lines_of(const fs::path& path, std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::string_view> stripped_lines;
  Lines lines(text);
  while (const auto line = lines.next()) {
    check(lines.end() != Lines::End::too_long,
          fmt::format("{}:{}: {}", path.string(), lines.number(), kNoLineEnd));
    stripped_lines.push_back(stripped(*line));
  }
  return stripped_lines;
}

// An id as text, and whether it was a number.
std::pair<std::string, bool> id_of(const Json& row, std::string_view key) {
  const auto found = row.find(key);
  if (found == row.end()) fail(fmt::format("missing key \"{}\"", key));
  if (found->is_number_integer()) return {std::to_string(field<std::int64_t>(row, key)), true};
  if (found->is_string()) return {found->get<std::string>(), false};
  fail(fmt::format("key \"{}\": expected a number or a string", key));
}

// The first of `keys` that the row has.
std::optional<std::string_view> key_of(const Json& row, std::span<const std::string_view> keys) {
  for (const std::string_view key : keys)
    if (row.contains(key)) return key;
  return std::nullopt;
}

// As the benchmarks call them. The names of golds stand apart: BIRD's dev.json calls the
// gold "SQL", and rows made of it keep it beside the prediction.
constexpr std::array<std::string_view, 2> kIdKeys = {"id", "question_id"};
constexpr std::array<std::string_view, 3> kGoldKeys = {"query", "SQL", "sql"};
constexpr std::array<std::string_view, 4> kSqlKeys = {"sql", "predicted_sql", "prediction", "SQL"};

std::vector<ScoreItem> read_gold_records(const fs::path& path) {
  std::vector<ScoreItem> items;
  for_each_record(path, [&](Json& row, const std::string&) {
    ScoreItem item;
    item.id = std::to_string(items.size());
    if (const auto key = key_of(row, kIdKeys))
      std::tie(item.id, item.id_is_number) = id_of(row, *key);
    item.db_id = field<std::string>(row, "db_id");
    const auto gold = key_of(row, kGoldKeys);
    check(gold.has_value(),
          fmt::format("no gold query: expected one of {}", fmt::join(kGoldKeys, ", ")));
    item.gold = field<std::string>(row, *gold);
    items.push_back(std::move(item));
  });
  return items;
}

// Blank lines give items without a db_id; the caller makes sessions of them.
std::vector<ScoreItem> read_plain_gold(const fs::path& path, std::string_view text) {
  std::vector<ScoreItem> items;
  auto lines = lines_of(path, text);
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
  auto lines = lines_of(path, text);
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
std::vector<ScoreItem> read_sample_gold(const fs::path& path, const std::string& filter) {
  std::vector<ScoreItem> items;
  SampleFilter chosen(filter);
  for_each_record(path, [&](Json& row, const std::string&) {
    const auto doc = row.find("doc");
    if (doc == row.end() || !doc->is_object())
      fail("without --gold, expected a sample with \"doc\", which holds \"query\" and \"db_id\"");
    if (!chosen.takes(row)) return;
    ScoreItem item;
    std::tie(item.id, item.id_is_number) = id_of(row, "doc_id");
    item.db_id = field<std::string>(*doc, "db_id");
    const auto gold = key_of(*doc, kGoldKeys);
    check(gold.has_value(), fmt::format("the sample's doc has no gold query: expected one of {}",
                                        fmt::join(kGoldKeys, ", ")));
    item.gold = field<std::string>(*doc, *gold);
    items.push_back(std::move(item));
  });
  chosen.finish(path.string());
  return items;
}

// The answer of an lm-evaluation-harness sample: the first filtered response, however deep.
std::string response_of(const Json& row) {
  const auto filtered = row.find("filtered_resps");
  const auto found = filtered == row.end() ? row.find("resps") : filtered;
  check(found != row.end(), "found neither \"filtered_resps\" nor \"resps\"");
  const Json* value = &*found;
  while (value->is_array() && !value->empty()) value = &value->front();
  if (!value->is_string()) fail("expected a text in \"filtered_resps\" or \"resps\"");
  return value->get<std::string>();
}

// A prediction as a record file has it.
struct Answer {
  std::string id;
  // Where it stands, for errors: "FILE:LINE".
  std::string place;
  // BIRD's key, a place among the golds or an id.
  bool bird = false;
  std::string sql;
  // The database that it says it is for; empty where it does not.
  std::string db_id;
};

std::string sql_of(const Json& row, bool sample, const Extract& extract) {
  const auto key = key_of(row, kSqlKeys);
  if (key) {
    std::string sql = field_or<std::string>(row, *key, "");
    // `predict` writes both; where it found no statement the text says whether there were words.
    if (!sql.empty() || !row.contains("text")) return sql;
  }
  check(sample || row.contains("text"),
        fmt::format("no prediction: expected one of {}, text", fmt::join(kSqlKeys, ", ")));
  const std::string text = sample ? response_of(row) : field<std::string>(row, "text");
  return extract ? extract(text) : text;
}

std::vector<Answer> read_answers(const fs::path& path, const Extract& extract,
                                 const std::string& filter) {
  std::vector<Answer> answers;
  SampleFilter chosen(filter);
  for_each_record(path, [&](Json& row, const std::string& place) {
    const auto sampled = row.find("sample");
    check(sampled == row.end() || !sampled->is_number() || *sampled == 0,
          "one of several sampled answers; expected one answer a question (votes are told of a "
          "study's predictions.h5)");
    Answer answer;
    answer.place = place;
    answer.bird = row.contains("bird");
    const auto id = key_of(row, kIdKeys);
    const bool sample = !answer.bird && !id && row.contains("doc_id");
    if (sample && !chosen.takes(row)) return;
    answer.id = id_of(row, answer.bird ? "bird" : sample ? "doc_id" : id.value_or("id")).first;
    answer.sql = sql_of(row, sample, extract);
    if (answer.bird) answer.db_id = field_or<std::string>(row, "db_id", "");
    answers.push_back(std::move(answer));
  });
  chosen.finish(path.string());
  return answers;
}

using Places = std::unordered_map<std::string, std::size_t>;

// Makes ids of BIRD's keys, which are places among the golds where they are not their ids.
void resolve_bird_keys(std::vector<Answer>& answers, const std::vector<ScoreItem>& items,
                       const Places& places, const fs::path& path) {
  bool ids = true, numbers = true, same = true;
  for (const Answer& answer : answers) {
    if (!answer.bird) continue;
    const bool id = places.contains(answer.id);
    const bool digits = is_digits(answer.id) && answer.id.size() < 10;
    const bool number = digits && std::stoul(answer.id) < items.size();
    ids = ids && id;
    numbers = numbers && number;
    same = same && id && number && items[std::stoul(answer.id)].id == answer.id;
  }
  check(same || !ids || !numbers,
        path.string() +
            ": the keys of the predictions may be ids of the gold file or places in it, and "
            "differ; expected JSON lines with question_id");
  if (ids || !numbers) return;
  for (Answer& answer : answers)
    if (answer.bird) answer.id = items[std::stoul(answer.id)].id;
}

void check_all_answered(const std::vector<ScoreItem>& items, const fs::path& path) {
  std::vector<std::string_view> missing;
  for (const ScoreItem& item : items)
    if (!item.answered) missing.push_back(item.id);
  if (missing.empty()) return;
  const auto shown = std::span(missing).first(std::min(missing.size(), kShownIds));
  fail(
      fmt::format("{}: no row for {} of {} questions (id {}{}): expected one for each (an empty "
                  "answer is \"\")",
                  path.string(), missing.size(), items.size(), fmt::join(shown, ", "),
                  missing.size() > kShownIds ? ", ..." : ""));
}

void add_answers(std::vector<ScoreItem>& items, const fs::path& gold, const fs::path& path,
                 const Extract& extract, const std::string& filter) {
  std::erase_if(items, [](const ScoreItem& item) { return item.db_id.empty(); });
  Places places;
  for (std::size_t i = 0; i < items.size(); ++i) {
    check(places.try_emplace(items[i].id, i).second,
          fmt::format("{}: the id {} occurs twice", gold.string(), items[i].id));
    items[i].answered = false;
  }
  std::vector<Answer> answers = read_answers(path, extract, filter);
  resolve_bird_keys(answers, items, places, path);
  for (Answer& answer : answers) {
    const auto place = places.find(answer.id);
    check(place != places.end(),
          fmt::format("{}: the id {} is not in the gold file", answer.place, answer.id));
    ScoreItem& item = items[place->second];
    check(!item.answered, fmt::format("{}: the id {} occurs twice", answer.place, answer.id));
    check(answer.db_id.empty() || answer.db_id == item.db_id,
          fmt::format("{}: id {}: found the database \"{}\", expected \"{}\", as in the gold file",
                      answer.place, answer.id, answer.db_id, item.db_id));
    item.answered = true;
    item.prediction = std::move(answer.sql);
  }
  check_all_answered(items, path);
}

std::vector<ScoreItem> read_gold(const fs::path& path) {
  const MappedFile file(path);
  return is_record_file(path, file.text()) ? read_gold_records(path)
                                           : read_plain_gold(path, file.text());
}

}  // namespace

std::vector<ScoreItem> read_score_items(const fs::path& gold, const fs::path& predictions,
                                        const Extract& extract, const std::string& filter) {
  const MappedFile predicted_file(predictions);
  std::vector<ScoreItem> items =
      gold.empty() ? read_sample_gold(predictions, filter) : read_gold(gold);
  if (gold.empty() || is_record_file(predictions, predicted_file.text())) {
    add_answers(items, gold.empty() ? predictions : gold, predictions, extract, filter);
  } else {
    check(filter.empty(), fmt::format("{}: --filter is for samples of lm-evaluation-harness, found "
                                      "lines of SQL",
                                      predictions.string()));
    add_plain_predictions(items, gold, predictions, predicted_file.text());
  }
  check(!items.empty(),
        fmt::format("{}: no gold queries", (gold.empty() ? predictions : gold).string()));
  return items;
}

}  // namespace tradeoff::sql
