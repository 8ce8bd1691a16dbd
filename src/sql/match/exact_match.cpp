#include "tradeoff/sql/match/exact_match.hpp"

#include <algorithm>
#include <set>

#include "match_tree.hpp"

namespace tradeoff::sql {
namespace {

using Tree = MatchQuery::Tree;
using Names = MatchSchema::Names;

// --- What is compared: a copy of the tree with values, DISTINCT and joined columns put aside.

void drop_values(Tree& tree);

void drop_values(Condition& condition) {
  for (std::size_t i = 0; i < condition.size(); i += 2) {
    auto& comparison = std::get<Comparison>(condition[i]);
    for (Operand* operand : {&comparison.right, &comparison.upper}) {
      if (operand->query()) {
        auto copy = std::make_shared<Tree>(**operand->query());
        drop_values(*copy);
        operand->what = std::move(copy);
      } else {
        operand->what = std::monostate();
      }
    }
  }
}

// Sub-queries of FROM keep their values: the official code passes them over.
void drop_values(Tree& tree) {
  for (Condition* condition : {&tree.on, &tree.having, &tree.where}) drop_values(*condition);
  for (TreePtr* side : {&tree.intersect, &tree.except, &tree.unite})
    if (*side) {
      *side = std::make_shared<Tree>(**side);
      drop_values(**side);
    }
}

// Columns of the outer query's tables become the column that stands for all they are joined to.
// Sub-queries of conditions and of FROM are not touched, both sides of a set operation are.
class ColumnMap {
 public:
  ColumnMap(const Names& names, const Tree& outer) : names_(names) {
    for (const TableUnit& unit : outer.tables)
      if (unit.table >= 0) tables_.insert(unit.table);
  }

  void apply(Tree& tree) const {
    for (Selected& selected : tree.select) apply(selected.value);
    for (Condition* condition : {&tree.on, &tree.where, &tree.having})
      for (std::size_t i = 0; i < condition->size(); i += 2)
        apply(std::get<Comparison>((*condition)[i]).left);
    for (ColumnUnit& unit : tree.group_by) apply(unit);
    if (tree.order)
      for (ValueUnit& value : tree.order->values) apply(value);
    tree.distinct = false;
    for (const TreePtr& side : {tree.intersect, tree.except, tree.unite})
      if (side) apply(*side);
  }

 private:
  void apply(ValueUnit& unit) const {
    apply(unit.first);
    if (unit.second) apply(*unit.second);
  }
  void apply(ColumnUnit& unit) const {
    const auto column = static_cast<std::size_t>(unit.column);
    if (tables_.contains(names_.table_of[column])) unit.column = names_.joined[column];
    unit.distinct = false;
  }

  const Names& names_;
  std::set<int> tables_;
};

Tree comparable(const Names& names, const Tree& tree) {
  Tree copy = tree;
  drop_values(copy);
  ColumnMap(names, copy).apply(copy);
  return copy;
}

// --- The ten parts.

// How many of `given` find an equal, unused partner in `wanted`.
template <typename T>
int count_shared(const std::vector<T>& given, std::vector<T> wanted) {
  int count = 0;
  for (const T& item : given) {
    const auto found = std::find(wanted.begin(), wanted.end(), item);
    if (found == wanted.end()) continue;
    wanted.erase(found);
    ++count;
  }
  return count;
}

PartialScore score(int gold_total, int predicted_total, int shared) {
  return {gold_total == predicted_total && shared == predicted_total, gold_total, predicted_total};
}

template <typename T>
PartialScore score_lists(const std::vector<T>& gold, const std::vector<T>& predicted) {
  return score(static_cast<int>(gold.size()), static_cast<int>(predicted.size()),
               count_shared(predicted, gold));
}

template <typename T, typename F>
auto mapped(const std::vector<T>& items, F f) {
  std::vector<decltype(f(items.front()))> result;
  for (const T& item : items) result.push_back(f(item));
  return result;
}

std::vector<Comparison> where_of(const Tree& tree) {
  return mapped(comparisons(tree.where), [](const Comparison* item) { return *item; });
}

PartialScore score_having(const Tree& gold, const Tree& predicted) {
  const auto columns = [](const Tree& tree) {
    return mapped(tree.group_by, [](const ColumnUnit& unit) { return unit.column; });
  };
  const int wanted = !gold.group_by.empty(), given = !predicted.group_by.empty();
  const bool same =
      wanted && given && columns(gold) == columns(predicted) && gold.having == predicted.having;
  return score(wanted, given, same);
}

PartialScore score_order(const Tree& gold, const Tree& predicted) {
  const bool same = gold.order && gold.order == predicted.order && gold.limit == predicted.limit;
  return score(gold.order.has_value(), predicted.order.has_value(), same);
}

// Where they differ, the official code reports the totals of the two sides exchanged.
PartialScore score_connectives(const Tree& gold, const Tree& predicted) {
  const auto kinds = [](const Tree& tree) {
    std::vector<std::variant<Comparison, Connective>> found;
    for (std::size_t i = 1; i < tree.where.size(); i += 2)
      if (std::find(found.begin(), found.end(), tree.where[i]) == found.end())
        found.push_back(tree.where[i]);
    return found;
  };
  const auto wanted = kinds(gold), given = kinds(predicted);
  if (wanted.size() == given.size() &&
      count_shared(given, wanted) == static_cast<int>(wanted.size()))
    return score(1, 1, 1);
  return score(static_cast<int>(given.size()), static_cast<int>(wanted.size()), 0);
}

MatchScore compare(const Names& names, const Tree& gold, const Tree& predicted);

PartialScore score_nested(const Names& names, const Tree& gold, const Tree& predicted) {
  int wanted = 0, given = 0, shared = 0;
  for (const auto side : {&Tree::intersect, &Tree::except, &Tree::unite}) {
    const TreePtr &a = gold.*side, &b = predicted.*side;
    wanted += a != nullptr;
    given += b != nullptr;
    if (a && b) shared += compare(names, *a, *b).exact;
  }
  return score(wanted, given, shared);
}

std::set<std::string_view> keywords_of(const Tree& tree) {
  std::set<std::string_view> words;
  const auto add_if = [&](bool present, std::string_view word) {
    if (present) words.insert(word);
  };
  add_if(!tree.where.empty(), "where");
  add_if(!tree.group_by.empty(), "group");
  add_if(!tree.having.empty(), "having");
  add_if(tree.order.has_value(), "order");
  add_if(tree.order && tree.order->descending, "desc");
  add_if(tree.order && !tree.order->descending, "asc");
  add_if(tree.limit, "limit");
  add_if(tree.except != nullptr, "except");
  add_if(tree.unite != nullptr, "union");
  add_if(tree.intersect != nullptr, "intersect");
  for (const Condition* condition : {&tree.on, &tree.where, &tree.having}) {
    add_if(count_or(*condition) > 0, "or");
    for (const Comparison* comparison : comparisons(*condition)) {
      add_if(comparison->negated, "not");
      add_if(comparison->operation == kIn, "in");
      add_if(comparison->operation == kLike, "like");
    }
  }
  return words;
}

PartialScore score_keywords(const Tree& gold, const Tree& predicted) {
  const auto wanted = keywords_of(gold), given = keywords_of(predicted);
  const auto shared = std::count_if(given.begin(), given.end(),
                                    [&](std::string_view word) { return wanted.contains(word); });
  return score(static_cast<int>(wanted.size()), static_cast<int>(given.size()),
               static_cast<int>(shared));
}

MatchScore compare(const Names& names, const Tree& gold, const Tree& predicted) {
  MatchScore match;
  const auto part = [&](Component component) -> PartialScore& {
    return match.parts[static_cast<std::size_t>(component)];
  };
  const auto value = [](const Selected& selected) { return selected.value; };
  const auto left = [](const Comparison& comparison) { return comparison.left; };
  const auto name = [&](const ColumnUnit& unit) {
    return names.bare[static_cast<std::size_t>(unit.column)];
  };
  part(Component::select) = score_lists(gold.select, predicted.select);
  part(Component::select_no_agg) =
      score_lists(mapped(gold.select, value), mapped(predicted.select, value));
  const auto wanted = where_of(gold), given = where_of(predicted);
  part(Component::where) = score_lists(wanted, given);
  part(Component::where_no_op) = score_lists(mapped(wanted, left), mapped(given, left));
  part(Component::group_no_having) =
      score_lists(mapped(gold.group_by, name), mapped(predicted.group_by, name));
  part(Component::group) = score_having(gold, predicted);
  part(Component::order) = score_order(gold, predicted);
  part(Component::and_or) = score_connectives(gold, predicted);
  part(Component::iuen) = score_nested(names, gold, predicted);
  part(Component::keywords) = score_keywords(gold, predicted);
  match.exact = std::all_of(match.parts.begin(), match.parts.end(),
                            [](const PartialScore& score) { return score.right; }) &&
                score_lists(gold.tables, predicted.tables).right;
  return match;
}

}  // namespace

std::string_view name_of(Component component) {
  constexpr std::array<std::string_view, kComponents> kNames = {
      "select", "select(no AGG)", "where",  "where(no OP)", "group(no Having)",
      "group",  "order",          "and/or", "IUEN",         "keywords"};
  return kNames[static_cast<std::size_t>(component)];
}

MatchScore exact_match(const MatchSchema& schema, const MatchQuery& gold,
                       const MatchQuery& prediction) {
  const Names& names = schema.names();
  return compare(names, comparable(names, gold.tree()), comparable(names, prediction.tree()));
}

}  // namespace tradeoff::sql
