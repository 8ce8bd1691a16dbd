// The official four levels. The counting keeps the official code's readings: a comparison counts as
// an aggregate when it is negated, and so does each connective of HAVING.
#include <algorithm>

#include "match_tree.hpp"

namespace tradeoff::sql {
namespace {

using Tree = MatchQuery::Tree;

std::vector<const Comparison*> all_comparisons(const Tree& tree) {
  std::vector<const Comparison*> all;
  for (const Condition* condition : {&tree.on, &tree.where, &tree.having})
    for (const Comparison* comparison : comparisons(*condition)) all.push_back(comparison);
  return all;
}

int count_clauses(const Tree& tree) {
  int count = !tree.where.empty() + !tree.group_by.empty() + tree.order.has_value() + tree.limit;
  if (!tree.tables.empty()) count += static_cast<int>(tree.tables.size()) - 1;
  count += count_or(tree.on) + count_or(tree.where) + count_or(tree.having);
  for (const Comparison* comparison : all_comparisons(tree))
    count += comparison->operation == kLike;
  return count;
}

int count_nested(const Tree& tree) {
  int count = (tree.intersect != nullptr) + (tree.except != nullptr) + (tree.unite != nullptr);
  for (const Comparison* comparison : all_comparisons(tree))
    count += (comparison->right.query() != nullptr) + (comparison->upper.query() != nullptr);
  return count;
}

int count_aggregates(const Tree& tree) {
  int count = 0;
  for (const Selected& selected : tree.select) count += selected.aggregate != 0;
  for (const Comparison* comparison : comparisons(tree.where)) count += comparison->negated;
  for (const ColumnUnit& unit : tree.group_by) count += unit.aggregate != 0;
  if (tree.order)
    for (const ValueUnit& value : tree.order->values)
      count += (value.first.aggregate != 0) + (value.second && value.second->aggregate != 0);
  for (const auto& item : tree.having) {
    const auto* comparison = std::get_if<Comparison>(&item);
    count += !comparison || comparison->negated;
  }
  return count;
}

int count_others(const Tree& tree) {
  return (count_aggregates(tree) > 1) + (tree.select.size() > 1) + (tree.where.size() > 1) +
         (tree.group_by.size() > 1);
}

}  // namespace

std::string MatchQuery::hardness() const {
  const int clauses = count_clauses(*tree_), nested = count_nested(*tree_),
            others = count_others(*tree_);
  if (clauses <= 1 && others == 0 && nested == 0) return "easy";
  if (nested == 0 && ((others <= 2 && clauses <= 1) || (clauses <= 2 && others < 2)))
    return "medium";
  if ((nested == 0 && ((others > 2 && clauses <= 2) || (clauses == 3 && others <= 2))) ||
      (clauses <= 1 && others == 0 && nested <= 1))
    return "hard";
  return "extra";
}

}  // namespace tradeoff::sql
