#include "match_tree.hpp"

#include <algorithm>
#include <set>

#include "schema/names.hpp"

namespace tradeoff::sql {
namespace {

// Lower-case "table.column" of a column of tables.json; "*" for the star.
std::string key_of(const Schema& schema, int column) {
  const auto& entry = schema.columns[static_cast<std::size_t>(column)];
  if (entry.table < 0) return "*";
  return folded(schema.tables[static_cast<std::size_t>(entry.table)]) + "." + folded(entry.name);
}

int add_id(MatchSchema::Names& names, const std::string& key, int table) {
  const auto [at, fresh] = names.ids.try_emplace(key, static_cast<int>(names.joined.size()));
  if (fresh) {
    names.joined.push_back(at->second);
    names.table_of.push_back(table);
    // The official code takes what stands between the first and the second period.
    const std::size_t dot = key.find('.');
    names.bare.push_back(dot == std::string::npos ? key
                                                  : key.substr(dot, key.find('.', dot + 1) - dot));
  }
  return at->second;
}

// Groups of joined columns as the official map has them: a key joins the first group that holds
// either end, and groups that meet later stay apart.
void join_foreign_keys(MatchSchema::Names& names, const Schema& schema) {
  std::vector<std::set<int>> groups;
  for (const auto& [from, to] : schema.foreign_keys) {
    auto group = std::find_if(groups.begin(), groups.end(), [&](const std::set<int>& members) {
      return members.contains(from) || members.contains(to);
    });
    if (group == groups.end()) group = groups.emplace(groups.end());
    group->insert({from, to});
  }
  for (const auto& group : groups) {
    const int first = add_id(names, key_of(schema, *group.begin()), -1);
    for (const int member : group) {
      const int id = add_id(names, key_of(schema, member), -1);
      names.joined[static_cast<std::size_t>(id)] = first;
    }
  }
}

std::vector<TableColumns> tables_of(const Schema& schema) {
  std::vector<TableColumns> tables;
  for (const std::string& table : schema.tables) tables.push_back({table, {}});
  for (const auto& column : schema.columns)
    if (column.table >= 0)
      tables[static_cast<std::size_t>(column.table)].columns.push_back(column.name);
  return tables;
}

}  // namespace

const MatchSchema::Names::Table* MatchSchema::Names::find(std::string_view name) const {
  const auto found = std::find_if(tables.begin(), tables.end(),
                                  [&](const Table& table) { return table.name == name; });
  return found == tables.end() ? nullptr : &*found;
}

MatchSchema::MatchSchema(const std::vector<TableColumns>& tables, const Schema* foreign_keys) {
  auto names = std::make_unique<Names>();
  add_id(*names, "*", -1);
  for (const TableColumns& table : tables) {
    const std::string name = folded(table.table);
    const int id = add_id(*names, name, -1);
    auto& entry = names->tables.emplace_back(Names::Table{name, id, {}});
    for (const std::string& column : table.columns) {
      entry.columns.push_back(folded(column));
      add_id(*names, name + "." + entry.columns.back(), id);
    }
  }
  if (foreign_keys) join_foreign_keys(*names, *foreign_keys);
  names_ = std::move(names);
}

MatchSchema::MatchSchema(const Schema& schema) : MatchSchema(tables_of(schema), &schema) {}
MatchSchema::~MatchSchema() = default;
MatchSchema::MatchSchema(MatchSchema&&) noexcept = default;
MatchSchema& MatchSchema::operator=(MatchSchema&&) noexcept = default;

bool same_tree(const TreePtr& a, const TreePtr& b) {
  return a == b || (a && b && *a == *b);
}

bool Operand::operator==(const Operand& other) const {
  if (query() && other.query()) return same_tree(*query(), *other.query());
  return what == other.what;
}

bool MatchQuery::Tree::operator==(const Tree& other) const {
  return distinct == other.distinct && select == other.select && tables == other.tables &&
         on == other.on && where == other.where && having == other.having &&
         group_by == other.group_by && order == other.order && limit == other.limit &&
         same_tree(intersect, other.intersect) && same_tree(except, other.except) &&
         same_tree(unite, other.unite);
}

std::vector<const Comparison*> comparisons(const Condition& condition) {
  std::vector<const Comparison*> result;
  for (std::size_t i = 0; i < condition.size(); i += 2)
    result.push_back(&std::get<Comparison>(condition[i]));
  return result;
}

int count_or(const Condition& condition) {
  int count = 0;
  for (std::size_t i = 1; i < condition.size(); i += 2) {
    const auto* connective = std::get_if<Connective>(&condition[i]);
    count += connective && *connective == Connective::disjunction;
  }
  return count;
}

}  // namespace tradeoff::sql
