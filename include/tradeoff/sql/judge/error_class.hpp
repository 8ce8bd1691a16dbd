#pragma once
#include <string>
#include <string_view>

#include "tradeoff/sql/sandbox/execute.hpp"
#include "tradeoff/sql/schema/schema.hpp"

namespace tradeoff::sql {

/// Why a wrong prediction is wrong. Every wrong row has exactly one class.
enum class ErrorClass {
  // SQLite refused the statement.
  syntax,
  table_of_other_database,  // no such table: another database of the collection has it
  table_misspelt,           // no such table: edit distance at most 2 from one that is there
  table_invented,
  column_of_other_table,   // no such column: another table of the schema has it
  column_undefined_alias,  // no such column: its qualifier is not defined, or not in this scope
  column_misspelt,         // no such column: edit distance at most 2
  column_natural_name,     // no such column: the words of tables.json instead of the SQL name
  column_invented,
  ambiguous_column,
  function_unknown,
  other_sql_error,
  // It ran, and gave other rows than the gold.
  quoted_identifier,  // "name" in double quotes that SQLite silently took for a string
  extra_columns,
  missing_columns,
  row_order,
  distinct,       // equal but for duplicates
  value,          // the gold query but for its literals
  rows_superset,  // all gold rows and more
  rows_subset,    // some gold rows, or none
  other_rows,
  // No fault of the prediction: right as written, wrong once the official rules have put 1 in the
  // place of an identifier spelled `value`.
  official_value,
  // It did not run to its end: the class is the outcome.
  denied,
  step_limit,
  timeout,
  memory,
  row_cap,
  crashed,
  empty_output,
  no_sql,
};

/// "column_of_other_table".
std::string_view name_of(ErrorClass error_class);
/// What a class of that name says of a row, for readers; empty for an unknown one.
std::string_view meaning_of(std::string_view error_class);

struct Diagnosis {
  ErrorClass error_class;
  // What a person would say: "`Name` is in `singer` (T1), not T2"; may be empty.
  std::string suggestion;
};

/// Why `prediction` did not run (its outcome is not ok). `schema` is that of its database;
/// `schemas` are searched for tables of other databases. Names compare without case.
Diagnosis diagnose_failure(const Result& prediction, std::string_view sql, const Schema& schema,
                           const Schemas& schemas);

/// Why `prediction` ran but is wrong.
Diagnosis diagnose_rows(const Result& gold, const Result& prediction, std::string_view gold_sql,
                        std::string_view sql, const Schema& schema);

}  // namespace tradeoff::sql
