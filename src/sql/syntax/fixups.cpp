#include "fixups.hpp"

#include <algorithm>
#include <cctype>

#include "sqlparse_tokens.hpp"

namespace tradeoff::sql {
namespace {

bool same_letters(std::string_view text, std::string_view lower_case) {
  return std::equal(
      text.begin(), text.end(), lower_case.begin(), lower_case.end(),
      [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

std::size_t find_word(std::string_view text, std::string_view lower_case, std::size_t from = 0) {
  for (std::size_t i = from; i + lower_case.size() <= text.size(); ++i)
    if ((text[i] | 0x20) == lower_case.front() &&
        same_letters(text.substr(i, lower_case.size()), lower_case))
      return i;
  return std::string_view::npos;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  for (std::size_t at; (at = text.find(from)) != std::string_view::npos;) {
    result.append(text.substr(0, at)).append(to);
    text.remove_prefix(at + from.size());
  }
  return result.append(text);
}

}  // namespace

std::string fill_placeholder(std::string_view prediction) {
  return replaced(prediction, "value", "1");
}

std::string with_current_year(std::string_view sql) {
  constexpr std::string_view kParts[] = {"(", "curdate", "(", ")", ")"};
  std::string result;
  std::size_t done = 0;
  for (std::size_t at = 0; (at = find_word(sql, "year", at)) != std::string_view::npos;) {
    std::size_t end = at + 4;
    const auto skip_blanks = [&] {
      while (end < sql.size() && std::isspace(static_cast<unsigned char>(sql[end]))) ++end;
    };
    bool whole = true;
    for (const std::string_view part : kParts) {
      skip_blanks();
      whole = whole && same_letters(sql.substr(std::min(end, sql.size()), part.size()), part);
      if (!whole) break;
      end += part.size();
    }
    if (!whole) {
      at += 1;
      continue;
    }
    skip_blanks();
    result.append(sql.substr(done, at - done)).append("2020");
    at = done = end;
  }
  return result.append(sql.substr(done));
}

std::string without_distinct(std::string_view sql) {
  if (find_word(sql, "distinct") == std::string_view::npos &&
      sql.find(';') == std::string_view::npos)
    return std::string(sql);
  std::string result;
  int depth = 0;
  bool ended = false;
  for (const SqlparseToken& token : sqlparse_tokens(sql)) {
    // sqlparse ends a statement at a `;` outside parentheses; blanks after it still belong to it.
    if (ended && token.kind != SqlparseToken::Kind::blank &&
        token.kind != SqlparseToken::Kind::comment)
      break;
    if (token.text == "(") ++depth;
    if (token.text == ")") --depth;
    ended = ended || (token.text == ";" && depth <= 0);
    if (!same_letters(token.text, "distinct")) result.append(token.text);
  }
  return result;
}

std::string executable_text(std::string_view sql, Distinct distinct) {
  std::string text = replaced(replaced(replaced(sql, "> =", ">="), "< =", "<="), "! =", "!=");
  if (distinct == Distinct::removed) text = without_distinct(text);
  return with_current_year(text);
}

bool mentions_order_by(std::string_view gold) {
  return find_word(gold, "order by") != std::string_view::npos;
}

}  // namespace tradeoff::sql
