#include "statement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "syntax/sqlite_tokens.hpp"

namespace tradeoff::sql {
namespace {

constexpr std::array kStatementWords = {"alter",   "analyze",  "attach",    "begin",   "commit",
                                        "create",  "delete",   "detach",    "drop",    "end",
                                        "explain", "insert",   "pragma",    "reindex", "release",
                                        "replace", "rollback", "savepoint", "update",  "vacuum"};

bool is_semicolon(const Token& token) {
  return token.text == ";";
}

}  // namespace

Screening screen(std::string_view sql) {
  if (sql.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos)
    return {Outcome::empty_output, "blank"};
  if (sql.size() > kMaxStatementBytes)
    return {Outcome::denied, fmt::format("a statement of {} bytes, at most {} are tried",
                                         sql.size(), kMaxStatementBytes)};
  const std::vector<Token> tokens = sqlite_tokens(sql);
  auto first = std::find_if_not(tokens.begin(), tokens.end(), is_semicolon);
  const auto begin = first;
  while (first != tokens.end() && first->text == "(") ++first;
  if (first == tokens.end()) return {Outcome::no_sql, "no statement"};
  const bool query = first->is_word("select") || first->is_word("with");
  if (!query) {
    for (const char* word : kStatementWords)
      if (first->is_word(word))
        return {Outcome::denied, fmt::format("{} is not allowed", first->text)};
    if (std::none_of(first, tokens.end(), [](const Token& t) { return t.is_word("select"); }))
      return {Outcome::no_sql, "no SELECT"};
  }
  if (sql.find('\0') != std::string_view::npos) return {Outcome::sql_error, "a NUL byte"};
  const auto end = std::find_if(begin, tokens.end(), is_semicolon);
  if (std::any_of(end, tokens.end(), [](const Token& t) { return !is_semicolon(t); }))
    return {Outcome::denied, "several statements"};
  return {};
}

bool orders_rows(std::string_view sql) {
  const std::vector<Token> tokens = sqlite_tokens(sql);
  int depth = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].text == "(") ++depth;
    if (tokens[i].text == ")") --depth;
    if (depth == 0 && tokens[i].is_word("order") && i + 1 < tokens.size() &&
        tokens[i + 1].is_word("by"))
      return true;
  }
  return false;
}

}  // namespace tradeoff::sql
