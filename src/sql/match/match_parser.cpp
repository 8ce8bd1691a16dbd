// Recursive descent over the official grammar. It follows process_sql.py's reading of a token list
// step by step, gaps included (what it accepts, skips and rejects decides the official score):
// aliases are global to the text, the clause order is fixed, and text after the query is ignored.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <span>

#include "match_tokens.hpp"
#include "match_tree.hpp"

namespace tradeoff::sql {
namespace {

using Tokens = std::span<const std::string>;
using Tree = MatchQuery::Tree;

constexpr std::string_view kClauses[] = {"select", "from",      "where", "group", "order",
                                         "limit",  "intersect", "union", "except"};
constexpr std::string_view kJoinWords[] = {"join", "on", "as"};
// Python's own recursion limit ends the official parser at about this depth.
constexpr int kMaxDepth = 200;

template <std::size_t N>
int index_in(const std::string_view (&list)[N], std::string_view token) {
  const auto found = std::find(std::begin(list), std::end(list), token);
  return found == std::end(list) ? -1 : static_cast<int>(found - std::begin(list));
}
template <std::size_t N>
bool is_in(const std::string_view (&list)[N], std::string_view token) {
  return index_in(list, token) >= 0;
}

// What Python's float() takes: "1", ".5", "5.", "1e5", "+1_000", "nan", "infinity".
std::optional<double> python_float(const std::string& token) {
  std::string plain;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '_') {
      plain.push_back(token[i]);
      continue;
    }
    const auto digit = [&](std::size_t k) {
      return k < token.size() && token[k] >= '0' && token[k] <= '9';
    };
    if (i == 0 || !digit(i - 1) || !digit(i + 1)) return {};
  }
  std::size_t body = !plain.empty() && (plain[0] == '+' || plain[0] == '-') ? 1 : 0;
  const std::string_view rest = std::string_view(plain).substr(body);
  const bool word = rest == "nan" || rest == "inf" || rest == "infinity";
  // strtod would also take hexadecimal, which float() does not.
  if (!word && rest.find_first_not_of("0123456789.e+-") != std::string_view::npos) return {};
  if (plain.empty()) return {};
  char* end = nullptr;
  const double value = std::strtod(plain.c_str(), &end);
  if (end != plain.c_str() + plain.size()) return {};
  return value;
}

class Parser {
 public:
  Parser(const MatchSchema::Names& names, Tokens tokens) : names_(names) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i] != "as") continue;
      if (i + 1 >= tokens.size()) throw OutsideGrammar();
      aliases_[tokens[i + 1]] = tokens[i == 0 ? tokens.size() - 1 : i - 1];
    }
    for (const auto& table : names_.tables) {
      if (aliases_.contains(table.name)) throw OutsideGrammar();
      aliases_[table.name] = table.name;
    }
  }

  std::size_t query(Tokens tokens, std::size_t i, Tree& tree) {
    const Depth guard(depth_);
    const bool block = at(tokens, i) == "(";
    if (block) ++i;
    std::vector<std::string> defaults;
    const std::size_t after_from = from(tokens, i, tree, defaults);
    select(tokens, i, defaults, tree);
    i = after_from;
    if (is(tokens, i, "where")) i = condition(tokens, i + 1, defaults, tree.where);
    if (is(tokens, i, "group")) i = group_by(tokens, i + 1, defaults, tree.group_by);
    if (is(tokens, i, "having")) i = condition(tokens, i + 1, defaults, tree.having);
    if (is(tokens, i, "order")) i = order_by(tokens, i + 1, defaults, tree.order.emplace());
    if (is(tokens, i, "limit")) {
      i += 2;
      at(tokens, i - 1);
      tree.limit = true;
    }
    while (is(tokens, i, ";")) ++i;
    if (block) i = expect(tokens, i, ")");
    while (is(tokens, i, ";")) ++i;
    for (const auto& [word, member] : {std::pair{"intersect", &Tree::intersect},
                                       {"union", &Tree::unite},
                                       {"except", &Tree::except}})
      if (is(tokens, i, word)) {
        tree.*member = std::make_shared<Tree>();
        return query(tokens, i + 1, *(tree.*member));
      }
    return i;
  }

 private:
  struct Depth {
    explicit Depth(int& depth) : depth_(depth) {
      if (++depth_ > kMaxDepth) throw OutsideGrammar();
    }
    ~Depth() { --depth_; }
    int& depth_;
  };

  static const std::string& at(Tokens tokens, std::size_t i) {
    if (i >= tokens.size()) throw OutsideGrammar();
    return tokens[i];
  }
  static bool is(Tokens tokens, std::size_t i, std::string_view token) {
    return i < tokens.size() && tokens[i] == token;
  }
  static std::size_t expect(Tokens tokens, std::size_t i, std::string_view token) {
    if (at(tokens, i) != token) throw OutsideGrammar();
    return i + 1;
  }
  static bool ends_clause(const std::string& token) {
    return is_in(kClauses, token) || token == ")" || token == ";";
  }

  const std::string& table_named(const std::string& alias) const {
    const auto found = aliases_.find(alias);
    if (found == aliases_.end()) throw OutsideGrammar();
    return found->second;
  }
  int id_of(const std::string& name) const {
    const auto found = names_.ids.find(name);
    if (found == names_.ids.end()) throw OutsideGrammar();
    return found->second;
  }

  std::size_t column(Tokens tokens, std::size_t i, const std::vector<std::string>& defaults,
                     int& id) const {
    const std::string& token = at(tokens, i);
    if (token == "*") {
      id = MatchSchema::Names::kStar;
      return i + 1;
    }
    if (const std::size_t dot = token.find('.'); dot != std::string::npos) {
      if (token.find('.', dot + 1) != std::string::npos) throw OutsideGrammar();
      id = id_of(table_named(token.substr(0, dot)) + token.substr(dot));
      return i + 1;
    }
    for (const std::string& alias : defaults) {
      const auto* table = names_.find(table_named(alias));
      if (!table) throw OutsideGrammar();
      if (std::find(table->columns.begin(), table->columns.end(), token) == table->columns.end())
        continue;
      id = id_of(table->name + "." + token);
      return i + 1;
    }
    throw OutsideGrammar();
  }

  std::size_t column_unit(Tokens tokens, std::size_t i, const std::vector<std::string>& defaults,
                          ColumnUnit& unit) const {
    const bool block = at(tokens, i) == "(";
    if (block) ++i;
    if (const int aggregate = index_in(kAggregates, at(tokens, i)); aggregate >= 0) {
      unit.aggregate = aggregate;
      i = expect(tokens, i + 1, "(");
      unit.distinct = at(tokens, i) == "distinct";
      i = column(tokens, i + unit.distinct, defaults, unit.column);
      return expect(tokens, i, ")");
    }
    unit.distinct = at(tokens, i) == "distinct";
    i = column(tokens, i + unit.distinct, defaults, unit.column);
    return block ? expect(tokens, i, ")") : i;
  }

  std::size_t value_unit(Tokens tokens, std::size_t i, const std::vector<std::string>& defaults,
                         ValueUnit& unit) const {
    const bool block = at(tokens, i) == "(";
    if (block) ++i;
    i = column_unit(tokens, i, defaults, unit.first);
    if (i < tokens.size() && is_in(kOperations, tokens[i])) {
      unit.operation = index_in(kOperations, tokens[i]);
      i = column_unit(tokens, i + 1, defaults, unit.second.emplace());
    }
    return block ? expect(tokens, i, ")") : i;
  }

  std::size_t operand(Tokens tokens, std::size_t start, const std::vector<std::string>& defaults,
                      Operand& operand) {
    std::size_t i = start;
    const bool block = at(tokens, i) == "(";
    if (block) ++i;
    const std::string& token = at(tokens, i);
    if (token == "select") {
      auto tree = std::make_shared<Tree>();
      i = query(tokens, i, *tree);
      operand.what = std::move(tree);
    } else if (token.find('"') != std::string::npos) {
      operand.what = token;
      ++i;
    } else if (const auto number = python_float(token)) {
      operand.what = *number;
      ++i;
    } else {
      // A column; whatever follows it up to the next clause is passed over.
      std::size_t end = i;
      while (end < tokens.size() && tokens[end] != "," && tokens[end] != ")" &&
             tokens[end] != "and" && !is_in(kClauses, tokens[end]) &&
             !is_in(kJoinWords, tokens[end]))
        ++end;
      column_unit(tokens.subspan(start, end - start), 0, defaults,
                  operand.what.emplace<ColumnUnit>());
      i = end;
    }
    return block ? expect(tokens, i, ")") : i;
  }

  std::size_t condition(Tokens tokens, std::size_t i, const std::vector<std::string>& defaults,
                        Condition& condition) {
    while (i < tokens.size()) {
      Comparison comparison;
      i = value_unit(tokens, i, defaults, comparison.left);
      comparison.negated = at(tokens, i) == "not";
      i += comparison.negated;
      comparison.operation = index_in(kComparisons, at(tokens, i));
      if (comparison.operation < 0) throw OutsideGrammar();
      i = operand(tokens, i + 1, defaults, comparison.right);
      if (comparison.operation == kBetween)
        i = operand(tokens, expect(tokens, i, "and"), defaults, comparison.upper);
      condition.emplace_back(std::move(comparison));
      if (i < tokens.size() && (ends_clause(tokens[i]) || is_in(kJoinWords, tokens[i]))) break;
      if (is(tokens, i, "and") || is(tokens, i, "or"))
        add(condition, tokens[i++] == "or" ? Connective::disjunction : Connective::conjunction);
    }
    return i;
  }

  // The official scorer stops with an exception where a connective stands at an even place.
  static void add(Condition& condition, Connective connective) {
    if (condition.size() % 2 == 0) throw OutsideGrammar();
    condition.emplace_back(connective);
  }

  void select(Tokens tokens, std::size_t i, const std::vector<std::string>& defaults,
              Tree& tree) const {
    i = expect(tokens, i, "select");
    tree.distinct = is(tokens, i, "distinct");
    i += tree.distinct;
    while (i < tokens.size() && !is_in(kClauses, tokens[i])) {
      Selected& selected = tree.select.emplace_back();
      if (const int aggregate = index_in(kAggregates, tokens[i]); aggregate >= 0) {
        selected.aggregate = aggregate;
        ++i;
      }
      i = value_unit(tokens, i, defaults, selected.value);
      if (is(tokens, i, ",")) ++i;
    }
  }

  std::size_t from(Tokens tokens, std::size_t start, Tree& tree,
                   std::vector<std::string>& defaults) {
    const auto word =
        std::find(tokens.begin() + static_cast<std::ptrdiff_t>(std::min(start, tokens.size())),
                  tokens.end(), "from");
    if (word == tokens.end()) throw OutsideGrammar();
    auto i = static_cast<std::size_t>(word - tokens.begin()) + 1;
    while (i < tokens.size()) {
      const bool block = tokens[i] == "(";
      if (block) ++i;
      TableUnit& unit = tree.tables.emplace_back();
      if (at(tokens, i) == "select") {
        unit.query = std::make_shared<Tree>();
        i = query(tokens, i, *unit.query);
      } else {
        if (tokens[i] == "join") ++i;
        const std::string& table = table_named(at(tokens, i));
        unit.table = id_of(table);
        defaults.push_back(table);
        i += is(tokens, i + 1, "as") ? 3 : 1;
      }
      if (is(tokens, i, "on")) {
        Condition on;
        i = condition(tokens, i + 1, defaults, on);
        if (!tree.on.empty()) add(tree.on, Connective::conjunction);
        tree.on.insert(tree.on.end(), std::make_move_iterator(on.begin()),
                       std::make_move_iterator(on.end()));
      }
      if (block) i = expect(tokens, i, ")");
      if (i < tokens.size() && ends_clause(tokens[i])) break;
    }
    return i;
  }

  std::size_t group_by(Tokens tokens, std::size_t i, const std::vector<std::string>& defaults,
                       std::vector<ColumnUnit>& units) const {
    i = expect(tokens, i, "by");
    while (i < tokens.size() && !ends_clause(tokens[i])) {
      i = column_unit(tokens, i, defaults, units.emplace_back());
      if (!is(tokens, i, ",")) break;
      ++i;
    }
    return i;
  }

  std::size_t order_by(Tokens tokens, std::size_t i, const std::vector<std::string>& defaults,
                       Order& order) const {
    i = expect(tokens, i, "by");
    while (i < tokens.size() && !ends_clause(tokens[i])) {
      i = value_unit(tokens, i, defaults, order.values.emplace_back());
      // One direction for all: the last that is written.
      if (is(tokens, i, "asc") || is(tokens, i, "desc")) order.descending = tokens[i++] == "desc";
      if (!is(tokens, i, ",")) break;
      ++i;
    }
    return i;
  }

  const MatchSchema::Names& names_;
  std::map<std::string, std::string, std::less<>> aliases_;
  int depth_ = 0;
};

}  // namespace

std::optional<MatchQuery> MatchQuery::parse(const MatchSchema& schema, std::string_view sql) {
  try {
    const std::vector<std::string> tokens = match_tokens(sql);
    auto tree = std::make_shared<Tree>();
    Parser(schema.names(), tokens).query(tokens, 0, *tree);
    return MatchQuery(std::move(tree));
  } catch (const OutsideGrammar&) {
    return {};
  }
}

MatchQuery MatchQuery::nothing() {
  return MatchQuery(std::make_shared<Tree>());
}

}  // namespace tradeoff::sql
