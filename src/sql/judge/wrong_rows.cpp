// Why a prediction that runs is wrong.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "interned.hpp"
#include "schema/names.hpp"
#include "syntax/sqlite_tokens.hpp"
#include "tradeoff/sql/judge/compare.hpp"
#include "tradeoff/sql/judge/error_class.hpp"

namespace tradeoff::sql {
namespace {

// The statement's tokens with literals, case and a final semicolon put aside.
std::vector<std::string> skeleton(std::string_view sql) {
  std::vector<std::string> words;
  for (const Token& token : sqlite_tokens(sql)) {
    const bool literal = token.kind == Token::Kind::string || token.kind == Token::Kind::number ||
                         (token.kind == Token::Kind::quoted_name && token.text.front() == '"');
    words.push_back(literal ? "?" : folded(token.text));
  }
  while (!words.empty() && words.back() == ";") words.pop_back();
  return words;
}

bool is_column(const Schema& schema, const std::vector<Source>& sources, std::string_view name) {
  return std::any_of(sources.begin(), sources.end(), [&](const Source& source) {
    return has_column(schema, table_index(schema, source.table), name);
  });
}

// True where a double-quoted token stands as a column would: selected, grouped by, ordered by, or
// on the left of a comparison.
bool stands_as_column(const std::vector<Token>& tokens, std::size_t i) {
  if (i + 1 < tokens.size()) {
    const Token& next = tokens[i + 1];
    for (const char* sign : {"=", "==", "<", ">", "<=", ">=", "!=", "<>"})
      if (next.text == sign) return true;
    for (const char* word : {"like", "in", "between", "is", "not"})
      if (next.is_word(word)) return true;
  }
  if (i == 0) return false;
  const Token& before = tokens[i - 1];
  return before.is_word("select") || before.is_word("distinct") || before.is_word("by");
}

// A double-quoted name that is no column of the query's tables, so SQLite read it as a string.
std::optional<std::string> quoted_identifier(std::string_view sql, const Schema& schema) {
  const std::vector<Token> tokens = sqlite_tokens(sql);
  const std::vector<Source> sources = sources_of(sql);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].kind != Token::Kind::quoted_name || tokens[i].text.front() != '"') continue;
    const std::string name = unquoted(tokens[i].text);
    if (is_column(schema, sources, folded(name))) continue;
    const bool alias = i > 0 && tokens[i - 1].is_word("as");
    const bool known = std::any_of(
        schema.columns.begin(), schema.columns.end(), [&](const Schema::Column& column) {
          return column.table >= 0 && !name.empty() && words_only(column.name) == words_only(name);
        });
    const bool used = i + 1 < tokens.size() && tokens[i + 1].text == ".";
    if (!alias && !used && (known || stands_as_column(tokens, i))) return name;
  }
  return {};
}

// True when every row of `part` is in `whole`, as bags.
bool contains(const Grid& whole, const Grid& part) {
  auto a = whole.rows(), b = part.rows();
  const auto less = [](auto x, auto y) {
    return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end());
  };
  std::sort(a.begin(), a.end(), less);
  std::sort(b.begin(), b.end(), less);
  return std::includes(a.begin(), a.end(), b.begin(), b.end(), less);
}

}  // namespace

Diagnosis diagnose_rows(const Result& gold, const Result& prediction, std::string_view gold_sql,
                        std::string_view sql, const Schema& schema) {
  if (const auto name = quoted_identifier(sql, schema))
    return {ErrorClass::quoted_identifier,
            fmt::format("\"{}\" is no column here: SQLite takes it for a string", *name)};
  const Rows &right = gold.rows, &given = prediction.rows;
  const std::size_t wanted = gold.columns.size(), got = prediction.columns.size();
  if (got > wanted)
    return {ErrorClass::extra_columns, fmt::format("{} columns instead of {}", got, wanted)};
  if (got < wanted)
    return {ErrorClass::missing_columns, fmt::format("{} columns instead of {}", got, wanted)};
  if (skeleton(gold_sql) == skeleton(sql)) return {ErrorClass::value, "only literals differ"};
  if (equal_up_to_columns(right, given, RowOrder::free))
    return {ErrorClass::row_order, "the rows are right, their order is not"};
  if (equal_as_sets(right, given))
    return {ErrorClass::distinct, fmt::format("{} rows instead of {}, equal but for duplicates",
                                              given.size(), right.size())};
  if (given.empty()) return {ErrorClass::rows_subset, "no rows"};
  if (right.empty()) return {ErrorClass::rows_superset, "rows where there are none"};
  const auto [a, b] = intern(right, given);
  const std::string counts =
      given.size() == right.size()
          ? fmt::format("as many rows as expected ({}), but others", given.size())
          : fmt::format("{} rows instead of {}", given.size(), right.size());
  if (contains(b, a)) return {ErrorClass::rows_superset, counts};
  if (contains(a, b)) return {ErrorClass::rows_subset, counts};
  return {ErrorClass::other_rows, counts};
}

}  // namespace tradeoff::sql
