#pragma once
// The parse tree of the official grammar. Names follow its documentation: a column unit is an
// aggregate over a column, a value unit is an arithmetic operation of two, a condition is a list in
// which comparisons and connectives alternate.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tradeoff/sql/match/exact_match.hpp"

namespace tradeoff::sql {

/// Numbers of identifiers: equal numbers are equal official ids ("__singer.name__").
struct MatchSchema::Names {
  static constexpr int kStar = 0;

  struct Table {
    std::string name;  // lower case
    int id;
    std::vector<std::string> columns;  // lower case
  };

  std::vector<Table> tables;
  // "table.column", "table" and "*" to id.
  std::map<std::string, int, std::less<>> ids;
  // By id: the table's id for a column, -1 for others.
  std::vector<int> table_of;
  // By id: what exact match groups columns by, their name without the table.
  std::vector<std::string> bare;
  // By id: the column that stands for all that foreign keys join it to; itself where there is none.
  std::vector<int> joined;

  const Table* find(std::string_view name) const;
};

struct ColumnUnit {
  int aggregate = 0;  // index into kAggregates
  int column = 0;
  bool distinct = false;
  bool operator==(const ColumnUnit&) const = default;
};

struct ValueUnit {
  int operation = 0;  // index into kOperations
  ColumnUnit first;
  std::optional<ColumnUnit> second;
  bool operator==(const ValueUnit&) const = default;
};

using TreePtr = std::shared_ptr<MatchQuery::Tree>;
/// Compares what they point to.
bool same_tree(const TreePtr& a, const TreePtr& b);

/// The right side of a comparison: nothing, a number, a quoted string, a column, or a sub-query.
struct Operand {
  std::variant<std::monostate, double, std::string, ColumnUnit, TreePtr> what;
  const TreePtr* query() const { return std::get_if<TreePtr>(&what); }
  bool operator==(const Operand& other) const;
};

struct Comparison {
  bool negated = false;
  int operation = 0;  // index into kComparisons
  ValueUnit left;
  Operand right, upper;  // upper: of BETWEEN
  bool operator==(const Comparison&) const = default;
};

enum class Connective { conjunction, disjunction };
/// Comparisons stand at even places; the grammar's gaps let one stand at an odd place too.
using Condition = std::vector<std::variant<Comparison, Connective>>;

struct TableUnit {
  int table = -1;
  TreePtr query;
  bool operator==(const TableUnit& other) const {
    return table == other.table && same_tree(query, other.query);
  }
};

struct Selected {
  int aggregate = 0;
  ValueUnit value;
  bool operator==(const Selected&) const = default;
};

struct Order {
  bool descending = false;
  std::vector<ValueUnit> values;
  bool operator==(const Order&) const = default;
};

struct MatchQuery::Tree {
  bool distinct = false;
  std::vector<Selected> select;
  std::vector<TableUnit> tables;
  Condition on, where, having;
  std::vector<ColumnUnit> group_by;
  std::optional<Order> order;
  bool limit = false;
  TreePtr intersect, except, unite;

  bool operator==(const Tree& other) const;
};

inline constexpr std::string_view kAggregates[] = {"none", "max", "min", "count", "sum", "avg"};
inline constexpr std::string_view kOperations[] = {"none", "-", "+", "*", "/"};
inline constexpr std::string_view kComparisons[] = {
    "not", "between", "=", ">", "<", ">=", "<=", "!=", "in", "like", "is", "exists"};
inline constexpr int kBetween = 1, kIn = 8, kLike = 9;

/// The comparisons of a condition (its even places).
std::vector<const Comparison*> comparisons(const Condition& condition);
/// How often it says OR (at its odd places).
int count_or(const Condition& condition);

}  // namespace tradeoff::sql
