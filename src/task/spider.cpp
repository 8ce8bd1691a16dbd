#include "tradeoff/task/spider.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "spider_layout.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/base/seed.hpp"
#include "tradeoff/sql/match/exact_match.hpp"
#include "tradeoff/task/draw.hpp"

namespace tradeoff::task {
namespace {

namespace fs = std::filesystem;

std::string text_field(const Json& row, std::string_view key) {
  const auto text = field<std::string>(row, key);
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    fail(fmt::format("key \"{}\" is empty", key));
  }
  return text;
}

// Hardness by the official rules; empty where the official grammar does not cover a query.
class Hardness {
 public:
  explicit Hardness(const sql::Schemas& schemas) : schemas_(schemas) {}

  std::string of(const SpiderExample& example) {
    auto known = parsers_.find(example.db_id);
    if (known == parsers_.end()) {
      known = parsers_.try_emplace(example.db_id, *schemas_.find(example.db_id)).first;
    }
    const auto query = sql::MatchQuery::parse(known->second, example.query);
    return query ? query->hardness() : "";
  }

 private:
  const sql::Schemas& schemas_;
  std::map<std::string, sql::MatchSchema> parsers_;
};

std::string label_of(const Json& row, const std::string& key) {
  const auto found = row.find(key);
  if (found == row.end()) fail(fmt::format("missing key \"{}\"", key));
  if (found->is_string()) return found->get<std::string>();
  check(found->is_number_integer(),
        fmt::format("key \"{}\": found {}, expected a number or text", key, to_line(*found)));
  return to_line(*found);
}

SpiderExample read_example(const Json& row, const SpiderLayout& layout,
                           const sql::Schemas& schemas) {
  check(row.is_object(), "expected an object");
  SpiderExample example;
  example.db_id = text_field(row, "db_id");
  example.question = text_field(row, layout.question_key);
  example.query = text_field(row, "query");
  if (!layout.label_key.empty()) example.label = label_of(row, layout.label_key);
  if (!schemas.find(example.db_id)) {
    fail(fmt::format("db_id \"{}\" is not in tables.json", example.db_id));
  }
  return example;
}

void append_examples(const fs::path& path, const SpiderLayout& layout, const sql::Schemas& schemas,
                     Hardness& hardness, std::vector<SpiderExample>& examples) {
  const Json file = read_json(path);
  if (!file.is_array() || file.empty()) {
    fail(fmt::format("{}: expected a list of at least one question", path.string()));
  }
  for (std::size_t i = 0; i < file.size(); ++i) {
    try {
      SpiderExample example = read_example(file[i], layout, schemas);
      example.index = examples.size();
      example.hardness = hardness.of(example);
      examples.push_back(std::move(example));
    } catch (const Error& error) {
      fail(fmt::format("{}: question {} (from 0): {}", path.string(), i, error.what()));
    }
  }
}

// dev_gold.sql is what the official scripts score against; rows that do not belong together would
// go unnoticed.
void check_gold(const fs::path& path, const std::vector<SpiderExample>& dev) {
  const std::string text = read_text(path);
  std::size_t line = 0;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view row(text.data() + at, end - at);
    if (row.ends_with('\r')) row.remove_suffix(1);
    at = end + 1;
    if (row.empty() && at >= text.size()) break;
    const std::size_t tab = row.rfind('\t');
    const std::string_view db_id = tab == row.npos ? "" : row.substr(tab + 1);
    if (line < dev.size() && db_id != dev[line].db_id) {
      fail(fmt::format("{}:{}: found the database \"{}\", but question {} of dev.json has \"{}\"",
                       path.string(), line + 1, db_id, line, dev[line].db_id));
    }
  }
  if (line != dev.size()) {
    fail(fmt::format("{}: {} lines, but dev.json has {} questions", path.string(), line,
                     dev.size()));
  }
}

}  // namespace

fs::path Spider::database_of(const std::string& db_id) const {
  return databases / db_id / (db_id + ".sqlite");
}

void Spider::require_train(const std::string& purpose) const {
  if (!missing_train.empty())
    fail(fmt::format("{}: no such file, which is needed for {}", missing_train.string(), purpose));
}

Spider read_spider(const SpiderLayout& layout) {
  Spider spider;
  spider.databases = layout.databases;
  spider.tables = layout.tables;
  Sha256 hash;
  const auto hash_file = [&](const fs::path& path) {
    hash.update(path.filename().string());
    hash.update(MappedFile(path).text());
  };
  spider.schemas = sql::Schemas(layout.tables, sql::SchemaUse::prompt);
  hash_file(layout.tables);
  Hardness hardness(spider.schemas);
  append_examples(layout.questions, layout, spider.schemas, hardness, spider.dev);
  hash_file(layout.questions);
  // Training questions are Spider's own, with its keys.
  const SpiderLayout plain;
  const auto add_train = [&](const fs::path& path) {
    append_examples(path, plain, spider.schemas, hardness, spider.train);
    hash_file(path);
  };
  if (fs::exists(layout.train)) {
    add_train(layout.train);
  } else {
    spider.missing_train = layout.train;
    if (!layout.train_others.empty())
      spider.require_train("train_others.json, which is numbered on from it");
  }
  if (!layout.train_others.empty()) add_train(layout.train_others);

  std::set<std::string> databases;
  for (const SpiderExample& example : spider.dev) {
    if (!databases.insert(example.db_id).second) continue;
    const fs::path path = spider.database_of(example.db_id);
    if (!fs::is_regular_file(path)) {
      fail(fmt::format("{}: no such file, but question {} of {} is about it", path.string(),
                       example.index, layout.questions.filename().string()));
    }
  }
  for (const std::string& db_id : databases) hash_file(spider.database_of(db_id));
  spider.sha256 = hash.finish();
  return spider;
}

Spider load_spider(const fs::path& folder, const SpiderFiles& files) {
  if (!fs::is_directory(folder)) {
    fail(
        fmt::format("{}: no such folder, expected Spider's dev.json, train_spider.json, "
                    "tables.json and database/ in it",
                    folder.string()));
  }
  SpiderLayout layout{.questions = folder / "dev.json",
                      .tables = folder / "tables.json",
                      .databases = folder / "database",
                      .train = folder / "train_spider.json"};
  if (files.train_others) layout.train_others = folder / "train_others.json";
  Spider spider = read_spider(layout);
  if (fs::exists(folder / "dev_gold.sql")) check_gold(folder / "dev_gold.sql", spider.dev);
  return spider;
}

std::vector<std::size_t> draw_spider(const Spider& spider, const SpiderDraw& draw) {
  const std::size_t size = spider.dev.size();
  if (draw.questions > size) {
    fail(fmt::format("{} Spider questions are asked, but dev.json has {}", draw.questions, size));
  }
  std::size_t count = draw.questions > 0 ? draw.questions : size;
  if (draw.limit > 0) count = std::min(count, draw.limit);
  if (draw.questions > 0) return first_of_draw(size, count, draw.data_seed, "spider-questions");
  std::vector<std::size_t> all(count);
  for (std::size_t i = 0; i < count; ++i) all[i] = i;
  return all;
}

SpiderShots::SpiderShots(const Spider& spider, std::uint64_t seed) : spider_(spider) {
  SeedStream stream(seed, "shots");
  order_ = sample_without_replacement(spider.train.size(), spider.train.size(), stream);
}

std::vector<const SpiderExample*> SpiderShots::for_example(const SpiderExample& example,
                                                           std::size_t count) const {
  if (count > 0)
    spider_.require_train(
        fmt::format("{} solved examples in each prompt (shots = 0 needs none)", count));
  const auto repeats = [](const SpiderExample& a, const SpiderExample& b) {
    return a.db_id == b.db_id && (a.question == b.question || a.query == b.query);
  };
  std::vector<const SpiderExample*> shots;
  for (std::size_t i = 0; i < order_.size() && shots.size() < count; ++i) {
    const SpiderExample& candidate = spider_.train[order_[i]];
    const bool known = std::any_of(shots.begin(), shots.end(), [&](const SpiderExample* shot) {
      return repeats(*shot, candidate);
    });
    if (!known && !repeats(example, candidate)) shots.push_back(&candidate);
  }
  if (shots.size() < count) {
    fail(
        fmt::format("{} shots are asked, but train has only {} that may stand before question "
                    "\"{}\"",
                    count, shots.size(), example.question));
  }
  return shots;
}

}  // namespace tradeoff::task
