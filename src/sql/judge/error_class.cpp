#include "tradeoff/sql/judge/error_class.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "schema/names.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::sql {
namespace {

struct Entry {
  std::string_view name, meaning;
};

// In the order of ErrorClass.
constexpr std::array<Entry, 30> kClasses = {{
    {"syntax", "SQLite could not read it as a statement"},
    {"table_of_other_database", "it names a table that another database of the collection has"},
    {"table_misspelt", "it names a table that is there under a slightly different name"},
    {"table_invented", "it names a table that no database has"},
    {"column_of_other_table", "it names a column of another table than the one it asks"},
    {"column_undefined_alias", "it uses a table name or alias that is not defined at that place"},
    {"column_misspelt", "it names a column with at most two letters wrong"},
    {"column_natural_name", "it names a column by its words in English instead of its SQL name"},
    {"column_invented", "it names a column that no table has"},
    {"ambiguous_column", "it names a column that several of its tables have"},
    {"function_unknown", "it calls a function that SQLite does not have"},
    {"other_sql_error", "SQLite refused it for another reason; the message tells which"},
    {"quoted_identifier", "a name in double quotes is no column, so SQLite took it for a text"},
    {"extra_columns", "it ran, and returned more columns than the gold query"},
    {"missing_columns", "it ran, and returned fewer columns than the gold query"},
    {"row_order", "it returned the right rows in the wrong order"},
    {"distinct", "it returned the right rows, some of them too often or not often enough"},
    {"value", "it is the gold query with other texts or numbers in it"},
    {"rows_superset", "it returned all the right rows and others"},
    {"rows_subset", "it returned some of the right rows, or none"},
    {"other_rows", "it ran, and returned other rows"},
    {"official_value",
     "no fault: right as written, but the official rules put 1 in the place of the name `value`"},
    {"denied", "it is not one read-only query, or uses a function that is not allowed"},
    {"step_limit", "it needed more steps of SQLite than allowed"},
    {"timeout", "it ran longer than allowed"},
    {"memory", "it needed more memory, or a longer value, than allowed"},
    {"row_cap", "it returned more rows or bytes than allowed"},
    {"crashed", "SQLite crashed on it"},
    {"empty_output", "the answer was blank"},
    {"no_sql", "the answer held no statement"},
}};

ErrorClass class_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::denied:
      return ErrorClass::denied;
    case Outcome::step_limit:
      return ErrorClass::step_limit;
    case Outcome::timeout:
      return ErrorClass::timeout;
    case Outcome::memory:
      return ErrorClass::memory;
    case Outcome::row_cap:
      return ErrorClass::row_cap;
    case Outcome::crashed:
      return ErrorClass::crashed;
    case Outcome::empty_output:
      return ErrorClass::empty_output;
    case Outcome::no_sql:
      return ErrorClass::no_sql;
    default:
      return ErrorClass::other_sql_error;
  }
}

// The rest of `message` after `start`; empty when it starts otherwise.
std::string_view after(std::string_view message, std::string_view start) {
  return message.starts_with(start) ? message.substr(start.size()) : std::string_view();
}

Diagnosis diagnose_table(std::string_view written, const Schema& schema, const Schemas& schemas) {
  const std::string name = folded(written.substr(written.rfind('.') + 1));
  // Another database is named only for an exact match: near misses in 166 schemas prove nothing.
  for (const std::string& table : schema.tables)
    if (misspelt(name, folded(table)))
      return {ErrorClass::table_misspelt, fmt::format("the table is `{}`", table)};
  for (std::size_t i = 0; i < schema.tables.size(); ++i)
    if (words_only(name) == words_only(schema.tables[i]) ||
        words_only(name) == words_only(schema.natural_tables[i]))
      return {ErrorClass::table_misspelt, fmt::format("the table is `{}`", schema.tables[i])};
  for (const auto& [db_id, other] : schemas.all())
    if (db_id != schema.db_id && table_index(other, name) >= 0)
      return {
          ErrorClass::table_of_other_database,
          fmt::format("`{}` is a table of database {}, not of {}", written, db_id, schema.db_id)};
  return {ErrorClass::table_invented, fmt::format("{} has no such table", schema.db_id)};
}

// Looks for the column that `qualifier.name` was meant to be.
class MissingColumn {
 public:
  MissingColumn(std::string_view written, std::string_view sql, const Schema& schema)
      : schema_(schema), sources_(sources_of(sql)) {
    const std::size_t dot = written.rfind('.');
    if (dot != std::string_view::npos) {
      std::string_view qualifier = written.substr(0, dot);
      qualifier = qualifier.substr(qualifier.rfind('.') + 1);
      qualifier_ = qualifier;
    }
    name_ = written.substr(dot == std::string_view::npos ? 0 : dot + 1);
    key_ = folded(name_);
  }

  Diagnosis diagnose() const {
    if (!qualifier_.empty()) {
      const Source* source = source_named(folded(qualifier_));
      if (!source)
        return {ErrorClass::column_undefined_alias,
                joined(fmt::format("`{}` is not defined", qualifier_), whereabouts())};
      if (has_column(schema_, table_index(schema_, source->table), key_))
        return {ErrorClass::column_undefined_alias,
                fmt::format("`{}` is not visible in this part of the query", qualifier_)};
    }
    for (const Source& source : sources_)
      if (qualifier_.empty() && has_column(schema_, table_index(schema_, source.table), key_))
        return {ErrorClass::column_undefined_alias,
                fmt::format("`{}` of `{}` is not visible in this part of the query", name_,
                            source.table)};
    if (const std::string place = whereabouts(); !place.empty())
      return {ErrorClass::column_of_other_table, place};
    if (const auto* column = closest([&](const Schema::Column& candidate) {
          return !candidate.natural.empty() &&
                 (words_only(candidate.natural) == words_only(name_) ||
                  words_only(candidate.name) == words_only(name_));
        }))
      return {ErrorClass::column_natural_name, is_written(*column)};
    if (const auto* column = closest([&](const Schema::Column& candidate) {
          return misspelt(key_, folded(candidate.name));
        }))
      return {ErrorClass::column_misspelt, is_written(*column)};
    return {ErrorClass::column_invented, fmt::format("no table has a column like `{}`", name_)};
  }

 private:
  const Source* source_named(std::string_view alias) const {
    const auto found = std::find_if(sources_.begin(), sources_.end(),
                                    [&](const Source& source) { return source.alias == alias; });
    return found == sources_.end() ? nullptr : &*found;
  }

  static std::string joined(std::string text, const std::string& more) {
    return more.empty() ? text : text + "; " + more;
  }

  // "`Name` is in `singer` (T1), not T2"; empty when no table has it. Tables of the query come
  // first.
  std::string whereabouts() const {
    const auto place = [&](int table, const Source* source) {
      const std::string& shown = schema_.tables[static_cast<std::size_t>(table)];
      std::string text = fmt::format("`{}` is in `{}`", name_, shown);
      if (source && !source->shown.empty()) text += fmt::format(" ({})", source->shown);
      if (!qualifier_.empty()) text += fmt::format(", not {}", qualifier_);
      return text;
    };
    for (const Source& source : sources_)
      if (const int table = table_index(schema_, source.table); has_column(schema_, table, key_))
        return place(table, &source);
    for (std::size_t table = 0; table < schema_.tables.size(); ++table)
      if (has_column(schema_, static_cast<int>(table), key_))
        return place(static_cast<int>(table), nullptr);
    return {};
  }

  // The first column that `fits`: of the qualifier's table, then of the query's, then of any.
  template <typename Fits>
  const Schema::Column* closest(Fits fits) const {
    const auto in_table = [&](int table) -> const Schema::Column* {
      for (const Schema::Column& column : schema_.columns)
        if (column.table >= 0 && (table < 0 || column.table == table) && fits(column))
          return &column;
      return nullptr;
    };
    std::vector<std::string> tables;
    if (const Source* source = source_named(folded(qualifier_))) tables.push_back(source->table);
    for (const Source& source : sources_) tables.push_back(source.table);
    for (const std::string& table : tables)
      if (const int index = table_index(schema_, table); index >= 0)
        if (const auto* column = in_table(index)) return column;
    return in_table(-1);
  }

  std::string is_written(const Schema::Column& column) const {
    return fmt::format("the column is `{}` of `{}`", column.name,
                       schema_.tables[static_cast<std::size_t>(column.table)]);
  }

  const Schema& schema_;
  std::vector<Source> sources_;
  std::string qualifier_, name_, key_;
};

}  // namespace

std::string_view name_of(ErrorClass error_class) {
  return kClasses.at(static_cast<std::size_t>(error_class)).name;
}

std::string_view meaning_of(std::string_view error_class) {
  for (const Entry& entry : kClasses)
    if (entry.name == error_class) return entry.meaning;
  return {};
}

Diagnosis diagnose_failure(const Result& prediction, std::string_view sql, const Schema& schema,
                           const Schemas& schemas) {
  if (prediction.outcome != Outcome::sql_error) return {class_of(prediction.outcome), {}};
  const std::string_view message = prediction.message;
  if (const auto table = after(message, "no such table: "); !table.empty())
    return diagnose_table(table, schema, schemas);
  if (const auto column = after(message, "no such column: "); !column.empty())
    return MissingColumn(column, sql, schema).diagnose();
  if (message.starts_with("ambiguous column name"))
    return {ErrorClass::ambiguous_column, "name the table before the column"};
  if (message.starts_with("no such function")) return {ErrorClass::function_unknown, {}};
  if (message.find("syntax error") != std::string_view::npos ||
      message.starts_with("incomplete input") || message.starts_with("unrecognized token") ||
      message == "a NUL byte")
    return {ErrorClass::syntax, {}};
  return {ErrorClass::other_sql_error, {}};
}

}  // namespace tradeoff::sql
