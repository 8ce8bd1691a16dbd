#include "tables_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_name.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/json_problem.hpp"
#include "tradeoff/base/json_tree.hpp"

namespace tradeoff::sql {
namespace {

// What a larger number is taken for: no list is so long.
constexpr int kNoIndex = 1 << 30;
// Depths of the file: [ { key: [ [ ... ] ] } ].
constexpr int kFile = 1, kEntry = 2, kList = 3, kPair = 4;

// One database while it is read; a list that the entry lacks stays empty.
struct Entry {
  using Names = std::vector<std::string>;
  struct NamedColumn {
    int table = 0;
    std::string name;
  };
  std::optional<std::string> db_id;
  std::optional<Names> tables, natural_tables, types;
  std::optional<std::vector<NamedColumn>> columns, natural_columns;
  std::optional<std::vector<int>> primary_keys;
  std::optional<std::vector<std::pair<int, int>>> foreign_keys;
};

template <typename T>
T& required(std::optional<T>& list, std::string_view key) {
  check(list.has_value(), fmt::format("expected a list under \"{}\"", key));
  return *list;
}

void read_columns(Entry& entry, Schema& schema) {
  const auto tables = static_cast<int>(schema.tables.size());
  auto& columns = required(entry.columns, "column_names_original");
  for (std::size_t i = 0; i < columns.size(); ++i) {
    auto& [table, name] = columns[i];
    check(table >= -1 && table < tables,
          fmt::format("column {}: table index {} of {} tables", name, table, tables));
    Schema::Column& column =
        schema.columns.emplace_back(Schema::Column{table, std::move(name), {}, {}});
    if (entry.natural_columns && i < entry.natural_columns->size())
      column.natural = std::move((*entry.natural_columns)[i].name);
    if (entry.types && i < entry.types->size()) column.type = std::move((*entry.types)[i]);
  }
}

// Column 0 is the `*` of most files; a key of a schema that is told must name a real one.
void check_key(const Schema& schema, std::string_view key, int column, SchemaUse use) {
  const bool there = column >= 0 && column < static_cast<int>(schema.columns.size());
  check(there && (use == SchemaUse::score || schema.columns[column].table >= 0),
        fmt::format("\"{}\" names column {} of {} (from 0)", key, column, schema.columns.size()));
}

void check_told(Entry& entry, const Schema& schema) {
  check_file_name("db_id", schema.db_id);
  const auto& types = required(entry.types, "column_types");
  check(types.size() == schema.columns.size(),
        fmt::format("{} column_names_original, but {} column_types", schema.columns.size(),
                    types.size()));
  required(entry.primary_keys, "primary_keys");
}

Schema schema_of(Entry& entry, SchemaUse use) {
  check(entry.db_id.has_value(), "expected a text under \"db_id\"");
  Schema schema;
  schema.db_id = *entry.db_id;
  schema.tables = required(entry.tables, "table_names_original");
  if (entry.natural_tables) schema.natural_tables = *entry.natural_tables;
  schema.natural_tables.resize(schema.tables.size());
  read_columns(entry, schema);
  if (use == SchemaUse::prompt) check_told(entry, schema);
  if (entry.primary_keys) schema.primary_keys = *entry.primary_keys;
  if (use == SchemaUse::prompt)
    for (const int column : schema.primary_keys) check_key(schema, "primary_keys", column, use);
  schema.foreign_keys = required(entry.foreign_keys, "foreign_keys");
  for (const auto& [a, b] : schema.foreign_keys)
    for (const int column : {a, b}) check_key(schema, "foreign_keys", column, use);
  return schema;
}

// Takes the parser's events.
class Reader {
 public:
  Reader(SchemaUse use, const std::function<void(Schema)>& take) : use_(use), take_(take) {}

  bool start_array(std::size_t) {
    open('[');
    if (depth_ == kList) begin_list();
    if (depth_ == kPair) numbers_ = texts_ = others_ = 0;
    if (depth_ > kPair) ++others_;
    return true;
  }
  bool end_array() {
    if (depth_ == kPair && in_list_) end_pair();
    if (depth_ == kList) in_list_ = false;
    --depth_;
    return true;
  }
  bool start_object(std::size_t) {
    open('{');
    if (depth_ == kEntry) entry_ = {};
    if (depth_ == kPair && in_list_) unexpected("names and pairs in its lists, found an object");
    ++others_;
    return true;
  }
  bool end_object() {
    if (depth_ == kEntry) {
      at_entry([&] { take_(schema_of(entry_, use_)); });
      ++count_;
    }
    --depth_;
    return true;
  }
  bool key(std::string& name) {
    if (depth_ == kEntry) field_ = field_of(name);
    return true;
  }
  bool string(std::string& text) {
    if (depth_ == kEntry && field_ == Field::db_id) entry_.db_id = text;
    if (depth_ == kFile) unexpected("a database, {...}");
    if (depth_ == kList && in_list_) add_name(text);
    if (depth_ == kPair) {
      ++texts_;
      text_ = text;
    }
    return true;
  }
  bool number_integer(std::int64_t value) { return number(value); }
  bool number_unsigned(std::uint64_t value) {
    return number(static_cast<std::int64_t>(std::min<std::uint64_t>(value, kNoIndex)));
  }
  bool number_float(double, const std::string&) { return other(); }
  bool boolean(bool) { return other(); }
  bool null() { return other(); }
  bool binary(Json::binary_t&) { return other(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
    fail(json_problem(error));
  }

 private:
  enum class Field {
    other,
    db_id,
    tables,
    natural_tables,
    columns,
    natural_columns,
    types,
    primary_keys,
    foreign_keys
  };

  static Field field_of(std::string_view key) {
    if (key == "db_id") return Field::db_id;
    if (key == "table_names_original") return Field::tables;
    if (key == "table_names") return Field::natural_tables;
    if (key == "column_names_original") return Field::columns;
    if (key == "column_names") return Field::natural_columns;
    if (key == "column_types") return Field::types;
    if (key == "primary_keys") return Field::primary_keys;
    if (key == "foreign_keys") return Field::foreign_keys;
    return Field::other;
  }

  template <typename Act>
  void at_entry(Act act) const {
    try {
      act();
    } catch (const std::exception& error) {
      fail(fmt::format("{}: {}", place(), error.what()));
    }
  }
  [[noreturn]] void unexpected(std::string_view expected) const {
    fail(fmt::format("{}: expected {}", place(), expected));
  }
  // The name may stand behind what is wrong, and is then not yet known.
  std::string place() const {
    if (!entry_.db_id) return fmt::format("entry {}", count_);
    return fmt::format("entry {} (\"{}\")", count_, *entry_.db_id);
  }

  void open(char bracket) {
    const int levels = JsonRules().depth;
    if (++depth_ > levels) fail(fmt::format("nested deeper than {} levels", levels));
    if (depth_ == kFile && bracket != '[') fail("expected a list of databases");
    if (depth_ == kEntry && bracket != '{') unexpected("a database, {...}");
    if (depth_ == kEntry) field_ = Field::other;
  }

  void begin_list() {
    in_list_ = field_ > Field::db_id;
    switch (field_) {
      case Field::tables:
        entry_.tables.emplace();
        break;
      case Field::natural_tables:
        entry_.natural_tables.emplace();
        break;
      case Field::columns:
        entry_.columns.emplace();
        break;
      case Field::natural_columns:
        entry_.natural_columns.emplace();
        break;
      case Field::types:
        entry_.types.emplace();
        break;
      case Field::primary_keys:
        entry_.primary_keys.emplace();
        break;
      case Field::foreign_keys:
        entry_.foreign_keys.emplace();
        break;
      default:
        break;
    }
  }

  void add_name(const std::string& name) {
    if (field_ == Field::tables)
      entry_.tables->push_back(name);
    else if (field_ == Field::natural_tables)
      entry_.natural_tables->push_back(name);
    else if (field_ == Field::types)
      entry_.types->push_back(name);
    else if (field_ == Field::primary_keys)
      unexpected("column indices in \"primary_keys\", found a name");
    else
      unexpected("pairs in \"column_names_original\" and \"foreign_keys\", found a name");
  }

  bool number(std::int64_t value) {
    if (depth_ == kFile) unexpected("a database, {...}");
    const auto index = static_cast<int>(std::clamp<std::int64_t>(value, -2, kNoIndex));
    // Later releases write a key of several columns as a list.
    const bool of_key = field_ == Field::primary_keys && in_list_;
    if (of_key && (depth_ == kList || depth_ == kPair)) entry_.primary_keys->push_back(index);
    if (depth_ == kList && in_list_ && !of_key)
      unexpected("names and pairs in its lists, found a number");
    if (depth_ == kPair && numbers_ < 2) values_[numbers_] = index;
    ++numbers_;
    return true;
  }
  bool other() {
    if (depth_ == kFile) unexpected("a database, {...}");
    if (depth_ == kList && in_list_) unexpected("names and pairs in its lists");
    ++others_;
    return true;
  }

  void end_pair() {
    if (field_ == Field::foreign_keys) {
      if (numbers_ != 2 || texts_ + others_ > 0)
        unexpected("pairs of column indices in \"foreign_keys\"");
      entry_.foreign_keys->emplace_back(values_[0], values_[1]);
      return;
    }
    if (field_ == Field::primary_keys) {
      if (texts_ + others_ > 0) unexpected("column indices in \"primary_keys\"");
      return;
    }
    if ((field_ != Field::columns && field_ != Field::natural_columns) || numbers_ != 1 ||
        texts_ != 1 || others_ > 0)
      unexpected("pairs of table index and name in \"column_names_original\"");
    auto& list = field_ == Field::columns ? entry_.columns : entry_.natural_columns;
    list->push_back({values_[0], text_});
  }

  const SchemaUse use_;
  const std::function<void(Schema)>& take_;
  int depth_ = 0, count_ = 0;
  Field field_ = Field::other;
  bool in_list_ = false;
  Entry entry_;
  // The pair being read.
  int numbers_ = 0, texts_ = 0, others_ = 0;
  int values_[2] = {0, 0};
  std::string text_;
};

}  // namespace

void read_tables_json(std::string_view text, SchemaUse use,
                      const std::function<void(Schema)>& take) {
  check_no_nul(text);
  Reader reader(use, take);
  Json::sax_parse(text.begin(), text.end(), &reader);
}

}  // namespace tradeoff::sql
