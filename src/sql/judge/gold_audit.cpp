#include "gold_audit.hpp"

#include <vector>

#include "syntax/sqlite_tokens.hpp"
#include "tradeoff/sql/judge/compare.hpp"

namespace tradeoff::sql {
namespace {

std::string by_columns(std::size_t columns, TieBreak direction) {
  std::string terms;
  for (std::size_t i = 1; i <= columns; ++i)
    terms += ", " + std::to_string(i) + (direction == TieBreak::up ? " " : " DESC ");
  return terms;
}

// The smallest and the largest rows of the tied ones: equal only where the cut does not divide them
// or they are equal themselves.
bool is_tied(std::string_view gold, std::size_t columns, const RunSql& run) {
  const std::string up = with_ties_broken(gold, columns, TieBreak::up);
  if (up == gold) return false;
  const Result low = run(up);
  const Result high = run(with_ties_broken(gold, columns, TieBreak::down));
  return low.outcome == Outcome::ok && high.outcome == Outcome::ok &&
         !equal_strictly(low.rows, high.rows, RowOrder::free);
}

}  // namespace

std::string with_ties_broken(std::string_view gold, std::size_t columns, TieBreak direction) {
  const std::vector<Token> tokens = sqlite_tokens(gold);
  std::string text;
  std::size_t copied = 0;
  // By depth of parentheses: whether an ORDER BY is open.
  std::vector<bool> ordering(1, false);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (token.text == "(") ordering.push_back(false);
    if (token.text == ")" && ordering.size() > 1) ordering.pop_back();
    if (token.is_word("order") && i + 1 < tokens.size() && tokens[i + 1].is_word("by"))
      ordering.back() = true;
    if (!token.is_word("limit") || !ordering.back()) continue;
    const auto at = static_cast<std::size_t>(token.text.data() - gold.data());
    text.append(gold.substr(copied, at - copied))
        .append(by_columns(ordering.size() == 1 ? columns : 1, direction));
    copied = at;
    ordering.back() = false;
  }
  return text.append(gold.substr(copied));
}

std::string with_quotes_as_names(std::string_view gold) {
  std::string text;
  std::size_t copied = 0;
  for (const Token& token : sqlite_tokens(gold)) {
    if (token.kind != Token::Kind::quoted_name || token.text.front() != '"') continue;
    const std::string name = unquoted(token.text);
    const auto at = static_cast<std::size_t>(token.text.data() - gold.data());
    text.append(gold.substr(copied, at - copied)).append("[" + name + "]");
    copied = at + token.text.size();
  }
  return text.append(gold.substr(copied));
}

GoldAudit audit_gold(std::string_view gold, const RunSql& run) {
  GoldAudit audit;
  const Result result = run(gold);
  audit.empty = result.rows.empty();
  audit.tied = is_tied(gold, result.columns.size(), run);
  const std::string named = with_quotes_as_names(gold);
  audit.quoted_strings = named != gold && run(named).outcome != Outcome::ok;
  return audit;
}

}  // namespace tradeoff::sql
