// No gold query of Spider may be refused: each gives the rows that SQLite gives by itself.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <set>

#include "plain_sqlite.hpp"
#include "spider_files.hpp"
#include "temporary_folder.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/sql/sandbox/execute.hpp"

namespace tradeoff::sql {
namespace {

namespace fs = std::filesystem;

std::vector<GoldLine> train_golds() {
  std::vector<GoldLine> golds;
  for (const Json& row : read_json(kSpider / "train_spider.json"))
    golds.push_back({field<std::string>(row, "query"), field<std::string>(row, "db_id")});
  return golds;
}

struct Count {
  int ran = 0, failed = 0, rows = 0;
};

Count compare(const std::vector<GoldLine>& golds, const fs::path& databases) {
  Executor executor;
  Count count;
  for (const GoldLine& gold : golds) {
    const fs::path file = databases / gold.db_id / (gold.db_id + ".sqlite");
    const auto plain = plain_rows(file, gold.sql);
    const Result guarded = executor.run(file, gold.sql);
    if (!plain) {
      ++count.failed;
      EXPECT_EQ(name_of(guarded.outcome), "sql_error") << gold.sql;
      continue;
    }
    ++count.ran;
    EXPECT_EQ(name_of(guarded.outcome), "ok") << gold.sql << ": " << guarded.message;
    // Row by row, cell by cell: the order of the rows too.
    const auto a = plain->cells(), b = guarded.rows.cells();
    EXPECT_TRUE(
        std::equal(a.begin(), a.end(), b.begin(), b.end(),
                   [](const Value& x, const Value& y) { return x.kind == y.kind && x == y; }))
        << gold.sql;
    count.rows += static_cast<int>(plain->size());
  }
  return count;
}

TEST(GoldRows, of_dev_are_those_of_plain_sqlite) {
  const Count count = compare(dev_golds(), kSpider / "database");
  EXPECT_EQ(count.ran, 1034);
  EXPECT_EQ(count.failed, 0);
  EXPECT_GT(count.rows, 1000);
}

std::string quoted(std::string name) {
  for (std::size_t at = 0; (at = name.find('"', at)) != std::string::npos; at += 2)
    name.insert(at, 1, '"');
  return '"' + name + '"';
}

// The schema of tables.json with five rows a table: the training databases are not in the tree.
std::string statements_for(const Json& entry) {
  const Json& names = entry.at("column_names_original");
  std::string statements;
  for (std::size_t table = 0; table < entry.at("table_names_original").size(); ++table) {
    const std::string name = quoted(entry.at("table_names_original")[table].get<std::string>());
    if (name == "\"sqlite_sequence\"") {
      // SQLite's own, there once a table counts by itself.
      statements += "CREATE TABLE counting (id INTEGER PRIMARY KEY AUTOINCREMENT);";
      continue;
    }
    std::string columns, rows[5];
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i][0].get<int>() != static_cast<int>(table)) continue;
      const bool number = entry.at("column_types")[i].get<std::string>() == "number";
      const std::string before = columns.empty() ? "" : ", ";
      columns += before + quoted(names[i][1].get<std::string>()) + (number ? " INTEGER" : " TEXT");
      for (int row = 0; row < 5; ++row) {
        const std::string value = std::to_string((row * 7 + static_cast<int>(i)) % 4 + 1);
        rows[row] += before + (number ? value : "'text " + value + "'");
      }
    }
    statements += "CREATE TABLE " + name + " (" + columns + ");";
    for (const std::string& row : rows)
      statements += "INSERT INTO " + name + " VALUES (" + row + ");";
  }
  return "BEGIN;" + statements + "COMMIT;";
}

TEST(GoldRows, of_train_are_those_of_plain_sqlite_on_databases_made_from_the_schemas) {
  const auto golds = train_golds();
  ASSERT_EQ(golds.size(), 7000u);
  std::set<std::string> wanted;
  for (const GoldLine& gold : golds) wanted.insert(gold.db_id);
  const TemporaryFolder folder;
  for (const Json& entry : read_json(kSpider / "tables.json")) {
    const auto db_id = field<std::string>(entry, "db_id");
    if (!wanted.contains(db_id)) continue;
    fs::create_directories(folder.path() / db_id);
    plain_execute(folder.path() / db_id / (db_id + ".sqlite"), statements_for(entry));
  }
  const Count count = compare(golds, folder.path());
  EXPECT_EQ(count.ran, 6997);
  EXPECT_EQ(count.failed, 3);
  EXPECT_GT(count.rows, 1000);
}

// With TRADEOFF_SPIDER_DIR naming a folder of Spider that has all 160 databases.
TEST(GoldRows, of_train_are_those_of_plain_sqlite_on_spiders_own_databases) {
  const char* spider = std::getenv("TRADEOFF_SPIDER_DIR");
  if (!spider) GTEST_SKIP() << "TRADEOFF_SPIDER_DIR does not name a whole Spider folder";
  const Count count = compare(train_golds(), fs::path(spider) / "database");
  EXPECT_EQ(count.ran, 6997);
  EXPECT_EQ(count.failed, 3);
}

}  // namespace
}  // namespace tradeoff::sql
