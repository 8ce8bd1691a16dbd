#include <functional>
#include <map>

#include "target.hpp"
#include "tradeoff/base/csv.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/config/bind_task.hpp"
#include "tradeoff/config/job.hpp"
#include "tradeoff/task/item.hpp"
#include "tradeoff/task/mmlu.hpp"
#include "tradeoff/task/spider.hpp"

namespace tradeoff::fuzz {
namespace {

namespace fs = std::filesystem;

void bind_words(config::OptionTable& table, sql::ScoreFilesOptions& options) {
  table.section("score");
  config::bind(table, options);
}

}  // namespace

void read_ini(const fs::path& folder, std::string_view bytes) {
  put(folder / "shared.ini", "gold = g.sql\n");
  const fs::path path = put(folder / "job.ini", bytes);
  config::Problems problems;
  const config::JobFile job = config::JobFile::read(path, problems);
  sql::ScoreFilesOptions base;
  config::OptionTable table;
  bind_words(table, base);
  job.bind_base(table, problems);
  for (const std::string& arm : job.arms()) {
    sql::ScoreFilesOptions of_arm;
    config::OptionTable own;
    bind_words(own, of_arm);
    job.bind_arm(arm, own, problems);
  }
  problems.throw_if_any();
}

void read_items(const fs::path& folder, std::string_view bytes) {
  const fs::path path = put(folder / "items.jsonl", bytes);
  std::string first_error;
  const std::vector<std::function<std::vector<task::Item>()>> readers = {
      [&] { return task::read_items(path, task::Kind::sql); },
      [&] { return task::read_items(path, task::Kind::choice); },
      [&] { return task::read_training_items(path); }};
  for (const auto& read : readers) {
    try {
      for (const task::Item& item : read()) (void)task::to_json(item);
    } catch (const Error& error) {
      first_error = error.what();
    }
  }
  check(first_error.empty(), first_error);
}

void read_csv(const fs::path& folder, std::string_view bytes) {
  (void)tradeoff::read_csv(put(folder / "rows.csv", bytes));
}

void read_mmlu(const fs::path& folder, std::string_view bytes) {
  fs::create_directories(folder / "dev");
  fs::create_directories(folder / "test");
  put(folder / "dev" / "anatomy_dev.csv", "1+1?,1,2,3,4,B\n");
  put(folder / "test" / "anatomy_test.csv", bytes);
  (void)task::load_mmlu(folder);
}

// dev.json, and after a line "----" a dev_gold.sql.
void read_spider(const fs::path& folder, std::string_view bytes) {
  const Halves halves = halves_of(bytes);
  fs::create_directories(folder / "database" / "pets");
  put(folder / "database" / "pets" / "pets.sqlite", "");
  put(folder / "tables.json",
      R"([{"db_id":"pets","table_names_original":["pet"],"table_names":["pet"],
"column_names_original":[[-1,"*"],[0,"id"],[0,"name"]],"column_names":[[-1,"*"],[0,"id"],[0,"name"]],
"column_types":["text","number","text"],"primary_keys":[1],"foreign_keys":[]}])");
  put(folder / "dev.json", halves.first);
  fs::remove(folder / "dev_gold.sql");
  if (halves.second.data()) put(folder / "dev_gold.sql", halves.second);
  (void)task::load_spider(folder);
}

}  // namespace tradeoff::fuzz
