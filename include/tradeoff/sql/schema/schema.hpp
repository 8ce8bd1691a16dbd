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
    std::string type;     // text, number, time, boolean or others
  };

  std::string db_id;
  std::vector<std::string> tables, natural_tables;
  std::vector<Column> columns;
  // Column indices, in the order of the file.
  std::vector<int> primary_keys;
  // The same, each from the referring column to the one referred to.
  std::vector<std::pair<int, int>> foreign_keys;
};

/// What is asked of the databases of a tables.json.
enum class SchemaUse {
  // The names that the official scripts read; of two entries with one db_id the later counts, as
  // there.
  score,
  // To be told to a model: types and primary keys as well, every db_id once and the name of a file.
  prompt,
};

/// The databases of a tables.json.
class Schemas {
 public:
  Schemas() = default;
  /// Throws Error naming the file, the entry and what is wrong with it.
  explicit Schemas(const std::filesystem::path& tables_json, SchemaUse use = SchemaUse::score);

  /// In the place of one with the same db_id.
  void add(Schema schema);

  /// nullptr when there is no such entry.
  const Schema* find(std::string_view db_id) const;
  const std::map<std::string, Schema, std::less<>>& all() const { return schemas_; }

 private:
  std::map<std::string, Schema, std::less<>> schemas_;
};

}  // namespace tradeoff::sql
