#include "random_statements.hpp"

namespace tradeoff::sql {

// A table that joins the scope under `alias`, or under its name where that is empty.
std::string RandomStatements::joined(const std::string& alias) {
  if (schema_.tables.empty() || chance(2))
    return one_of({"nosuch", "sqlite_master", "T1", "\"\""}) +
           (alias.empty() ? "" : " AS " + alias);
  const auto index = below(schema_.tables.size());
  const std::string& name = schema_.tables[index];
  scope_.emplace_back(static_cast<int>(index), alias.empty() ? name : alias);
  return (chance(8) ? "\"" + name + "\"" : name) + (alias.empty() ? "" : " AS " + alias);
}

std::string RandomStatements::column() {
  if (chance(3)) return one_of({"*", "rowid", "nosuch", "T1.*", "\"no column\"", "[x y]", "`z`"});
  const Schema::Column* found = &schema_.columns[below(schema_.columns.size())];
  std::string qualifier;
  if (!scope_.empty() && chance(95)) {
    const auto& [table, alias] = scope_[below(scope_.size())];
    while (found->table != table) found = &schema_.columns[below(schema_.columns.size())];
    if (scope_.size() > 1 || chance(20)) qualifier = alias + ".";
  }
  return qualifier + (chance(8) ? "\"" + found->name + "\"" : found->name);
}

std::string RandomStatements::literal() {
  return one_of({"1",
                 "0",
                 "-1",
                 "3.5",
                 "1e300",
                 "9223372036854775807",
                 "-9223372036854775808",
                 "0x7f",
                 "'a'",
                 "'%a%'",
                 "\"France\"",
                 "''",
                 "NULL",
                 "'it''s'",
                 "x'00ff'",
                 "2014",
                 "'\xc3\x28'",
                 "TRUE",
                 "1e-400",
                 "'2020-01-01'",
                 "?",
                 ":a"});
}

std::string RandomStatements::expression(int depth) {
  if (depth <= 0 || chance(60)) return chance(70) ? column() : literal();
  switch (below(11)) {
    case 0:
      return one_of({"count", "sum", "avg", "min", "max", "COUNT", "total", "group_concat"}) + "(" +
             (chance(20) ? "DISTINCT " : "") + expression(depth - 1) + ")";
    case 1:
      return "count(*)";
    case 2:
      return expression(depth - 1) +
             one_of({" + ", " - ", " * ", " / ", " % ", " || ", " << ", " & ", " | "}) +
             expression(depth - 1);
    case 3:
      return one_of({"abs",     "length", "upper",  "round",    "coalesce", "substr",   "instr",
                     "replace", "hex",    "typeof", "nullif",   "date",     "strftime", "char",
                     "quote",   "random", "printf", "zeroblob", "iif",      "trim"}) +
             "(" + expression(depth - 1) + (chance(50) ? ", " + expression(depth - 1) : "") + ")";
    case 4:
      return "(" + query(depth - 1) + ")";
    case 5:
      return "CASE WHEN " + condition(depth - 1) + " THEN " + expression(depth - 1) + " ELSE " +
             expression(depth - 1) + " END";
    case 6:
      return "CAST(" + expression(depth - 1) + " AS " +
             one_of({"INTEGER", "TEXT", "REAL", "BLOB"}) + ")";
    case 7:
      return one_of({"-", "+", "~", "NOT "}) + expression(depth - 1);
    case 8:
      return one_of({"rank()", "row_number()", "sum(1)", "lag(1)"}) + " OVER (ORDER BY " +
             expression(depth - 1) + ")";
    case 9:
      return expression(depth - 1) + " COLLATE " + one_of({"NOCASE", "BINARY", "RTRIM", "nosuch"});
    default:
      return "(" + expression(depth - 1) + ")";
  }
}

std::string RandomStatements::condition(int depth) {
  if (depth > 0 && chance(30))
    return condition(depth - 1) + one_of({" AND ", " OR ", " and ", " or "}) + condition(depth - 1);
  switch (below(7)) {
    case 0:
      return expression(depth) + one_of({" IN (", " NOT IN ("}) +
             (chance(50) ? query(depth - 1) : literal() + ", " + literal()) + ")";
    case 1:
      return expression(depth) + " BETWEEN " + literal() + " AND " + literal();
    case 2:
      return expression(depth) + one_of({" LIKE ", " NOT LIKE ", " GLOB "}) + literal();
    case 3:
      return expression(depth) + one_of({" IS NULL", " IS NOT NULL", " ISNULL"});
    case 4:
      return one_of({"EXISTS (", "NOT EXISTS ("}) + query(depth - 1) + ")";
    default:
      return expression(depth) +
             one_of(
                 {" = ", " != ", " > ", " < ", " >= ", " <= ", " <> ", " > = ", " == ", " IS "}) +
             expression(depth);
  }
}

std::string RandomStatements::source(int depth) {
  if (depth > 0 && chance(10)) return "(" + query(depth - 1) + ")";
  std::string text = joined(chance(40) ? "T1" : "");
  const std::size_t joins = below(10) < 7 ? 0 : 1 + below(2);
  for (std::size_t i = 0; i < joins; ++i) {
    text += one_of({" JOIN ", " LEFT JOIN ", ", ", " CROSS JOIN "}) +
            joined("T" + std::to_string(i + 2));
    if (chance(80)) text += " ON " + condition(0);
  }
  return text;
}

std::string RandomStatements::select(int depth) {
  const auto outer = std::move(scope_);
  scope_.clear();
  const std::string from = chance(97) ? " FROM " + source(depth) : "";
  std::string text = chance(20) ? "SELECT DISTINCT " : one_of({"SELECT ", "select ", "SELECT  "});
  const std::size_t columns = 1 + below(3);
  for (std::size_t i = 0; i < columns; ++i) {
    text += (i ? ", " : "") + expression(depth);
    if (chance(10)) text += " AS a" + std::to_string(i);
  }
  text += from;
  if (chance(45)) text += " WHERE " + condition(depth);
  if (chance(25)) text += " GROUP BY " + expression(0);
  if (chance(12)) text += " HAVING " + condition(depth - 1);
  scope_ = outer;
  return text;
}

std::string RandomStatements::query(int depth) {
  std::string text = select(depth);
  if (chance(10))
    text += one_of({" UNION ", " EXCEPT ", " INTERSECT ", " UNION ALL "}) + select(depth - 1);
  if (chance(25))
    text += " ORDER BY " + expression(0) + one_of({"", " ASC", " DESC", " desc NULLS LAST"});
  if (chance(20)) text += " LIMIT " + one_of({"1", "3", "0", "-1", "1 OFFSET 2", "2, 3", "x"});
  return text;
}

std::string RandomStatements::damaged(std::string text) {
  const std::size_t at = below(text.size() + 1), length = 1 + below(12);
  switch (below(6)) {
    case 0:
      return text.substr(0, at);
    case 1:
      return text.erase(std::min(at, text.size()), length);
    case 2:
      return text.insert(
          at, one_of({" ", ";", "'", "\"", "(", ")", "--", "/*", ",", " FROM ", " value ",
                      " SELECT ", ".", "`", "[", " as ", " distinct ", " limit "}));
    case 3:
      return text.insert(at, 1, static_cast<char>(below(256)));
    case 4:
      return text.insert(at, text.substr(at, length));
    default:
      if (at < text.size()) text[at] = static_cast<char>(below(256));
      return text;
  }
}

std::string RandomStatements::next() {
  std::string text = query(static_cast<int>(below(4)));
  if (chance(5)) text = "WITH q AS (" + query(1) + ") " + text;
  if (chance(3)) text += "; " + select(0);
  if (chance(30)) text = damaged(std::move(text));
  if (chance(10)) text = damaged(std::move(text));
  return text;
}

}  // namespace tradeoff::sql
