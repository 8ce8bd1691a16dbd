#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tradeoff::sql {

/// One database as tables.json describes it.
struct Schema {
  struct Column {
    int table;            // index into tables; -1 for the `*` that stands first
    std::string name;     // as SQL must write it
    std::string natural;  // in words: "release year"
  };

  std::string db_id;
  std::vector<std::string> tables, natural_tables;
  std::vector<Column> columns;
  // Pairs of column indices, in the order of the file.
  std::vector<std::pair<int, int>> foreign_keys;
};

/// The databases of a tables.json.
class Schemas {
 public:
  Schemas() = default;
  /// Throws Error naming the file, the entry and what is wrong with it.
  explicit Schemas(const std::filesystem::path& tables_json);

  /// nullptr when there is no such entry.
  const Schema* find(std::string_view db_id) const;
  const std::map<std::string, Schema, std::less<>>& all() const { return schemas_; }

 private:
  std::map<std::string, Schema, std::less<>> schemas_;
};

}  // namespace tradeoff::sql
