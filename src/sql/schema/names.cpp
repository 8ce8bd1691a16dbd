#include "names.hpp"

#include <algorithm>
#include <cctype>
#include <numeric>

#include "syntax/sqlite_tokens.hpp"
#include "tradeoff/base/edit_distance.hpp"

namespace tradeoff::sql {
namespace {

constexpr std::string_view kAfterSource[] = {
    "on",        "using",  "where",  "group",   "order",   "limit", "join",  "left",
    "inner",     "cross",  "outer",  "right",   "natural", "full",  "union", "except",
    "intersect", "having", "window", "indexed", "not",     "set",   "select"};

bool is_name(const Token& token) {
  if (token.kind == Token::Kind::quoted_name) return true;
  return token.kind == Token::Kind::word &&
         std::none_of(std::begin(kAfterSource), std::end(kAfterSource),
                      [&](std::string_view word) { return token.is_word(word); });
}

}  // namespace

std::string folded(std::string_view name) {
  std::string result(name);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

bool misspelt(std::string_view name, std::string_view meant) {
  // A list: of two sizes alone minmax would give references to what has gone.
  const auto [shorter, longer] = std::minmax({name.size(), meant.size()});
  if (longer - shorter > 2) return false;
  const std::size_t distance = edit_distance(name, meant);
  return distance >= 1 && distance <= 2 && 2 * distance <= shorter;
}

std::string words_only(std::string_view name) {
  std::string result;
  for (const unsigned char c : name)
    if (std::isalnum(c) || c > 0x7f) result.push_back(static_cast<char>(std::tolower(c)));
  return result;
}

std::vector<Source> sources_of(std::string_view sql) {
  const std::vector<Token> tokens = sqlite_tokens(sql);
  std::vector<Source> sources;
  // A comma goes on with a FROM clause only at its own depth and before its first other clause.
  std::vector<bool> in_from(1, false);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (token.text == "(") in_from.push_back(false);
    if (token.text == ")" && in_from.size() > 1) in_from.pop_back();
    const bool starts = token.is_word("from") || token.is_word("join");
    const bool goes_on = token.text == "," && in_from.back();
    if (starts) in_from.back() = true;
    for (const char* word : {"where", "group", "order", "limit", "union", "except", "intersect"})
      if (token.is_word(word)) in_from.back() = false;
    if ((!starts && !goes_on) || i + 1 >= tokens.size() || !is_name(tokens[i + 1])) continue;
    Source source;
    source.table = source.alias = folded(unquoted(tokens[i + 1].text));
    std::size_t next = i + 2;
    if (next < tokens.size() && tokens[next].is_word("as")) ++next;
    if (next < tokens.size() && is_name(tokens[next])) {
      source.shown = unquoted(tokens[next].text);
      source.alias = folded(source.shown);
    }
    sources.push_back(std::move(source));
  }
  return sources;
}

int table_index(const Schema& schema, std::string_view name) {
  for (std::size_t i = 0; i < schema.tables.size(); ++i)
    if (folded(schema.tables[i]) == name) return static_cast<int>(i);
  return -1;
}

bool has_column(const Schema& schema, int table, std::string_view name) {
  return table >= 0 && std::any_of(schema.columns.begin(), schema.columns.end(),
                                   [&](const Schema::Column& column) {
                                     return column.table == table && folded(column.name) == name;
                                   });
}

}  // namespace tradeoff::sql
