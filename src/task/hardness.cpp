#include "tradeoff/task/hardness.hpp"

#include <fmt/format.h>

#include <vector>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json_problem.hpp"

namespace tradeoff::task {
namespace {

// Position of "like" among the official WHERE operators.
constexpr int kLike = 9;

const Json& array_of(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) {
    fail(fmt::format("parsed sql: key \"{}\" is not a list", key));
  }
  return *found;
}

// Python's truth of a JSON value: null, false, 0 and empty containers are not set.
bool is_set(const Json& value) {
  if (value.is_null()) return false;
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value.get<double>() != 0;
  return !value.empty();
}

// A condition list alternates [not, operator, value unit, value 1, value 2] and "and" / "or".
// FROM, WHERE and HAVING are looked at in one go.
std::vector<const Json*> conditions(const Json& sql) {
  std::vector<const Json*> found;
  const auto add = [&](const Json& list) {
    for (const Json& entry : list) found.push_back(&entry);
  };
  add(array_of(sql.at("from"), "conds"));
  add(array_of(sql, "where"));
  add(array_of(sql, "having"));
  return found;
}

int count_component1(const Json& sql) {
  int count = 0;
  for (const char* clause : {"where", "groupBy", "orderBy"}) {
    count += array_of(sql, clause).empty() ? 0 : 1;
  }
  count += sql.at("limit").is_null() ? 0 : 1;
  const std::size_t tables = array_of(sql.at("from"), "table_units").size();
  count += tables > 0 ? static_cast<int>(tables) - 1 : 0;
  for (const Json* entry : conditions(sql)) {
    const bool is_or = entry->is_string() && *entry == "or";
    const bool is_like = entry->is_array() && entry->at(1) == kLike;
    count += is_or || is_like ? 1 : 0;
  }
  return count;
}

int count_component2(const Json& sql) {
  int nested = 0;
  for (const Json* entry : conditions(sql)) {
    if (!entry->is_array()) continue;
    nested += (entry->at(3).is_object() ? 1 : 0) + (entry->at(4).is_object() ? 1 : 0);
  }
  for (const char* other : {"intersect", "except", "union"}) {
    nested += sql.at(other).is_null() ? 0 : 1;
  }
  return nested;
}

// The official has_agg(unit) is unit[0] != 0 for whatever it is given: in WHERE and HAVING that is
// the "not" flag, and HAVING's connectives, being strings, all count.
bool counts_as_aggregate(const Json& unit) {
  if (unit.is_string()) return !unit.get<std::string>().empty();
  const Json& first = unit.at(0);
  return first.is_boolean() ? first.get<bool>() : first != 0;
}

int count_others(const Json& sql) {
  const Json& select = sql.at("select").at(1);
  const Json& where = array_of(sql, "where");
  const Json& group_by = array_of(sql, "groupBy");
  const Json& having = array_of(sql, "having");
  int aggregates = 0;
  for (const Json& unit : select) aggregates += counts_as_aggregate(unit) ? 1 : 0;
  for (std::size_t i = 0; i < where.size(); i += 2) {
    aggregates += counts_as_aggregate(where[i]) ? 1 : 0;
  }
  for (const Json& unit : group_by) aggregates += counts_as_aggregate(unit) ? 1 : 0;
  if (!array_of(sql, "orderBy").empty()) {
    // ["asc", [[unit operator, column unit 1, column unit 2], ...]]
    for (const Json& unit : sql.at("orderBy").at(1)) {
      for (const int side : {1, 2}) {
        if (is_set(unit.at(side))) aggregates += counts_as_aggregate(unit.at(side)) ? 1 : 0;
      }
    }
  }
  for (const Json& unit : having) aggregates += counts_as_aggregate(unit) ? 1 : 0;
  return (aggregates > 1) + (select.size() > 1) + (where.size() > 1) + (group_by.size() > 1);
}

}  // namespace

std::string hardness_of(const Json& sql) try {
  const int c1 = count_component1(sql), c2 = count_component2(sql), others = count_others(sql);
  if (c1 <= 1 && others == 0 && c2 == 0) return "easy";
  if ((others <= 2 && c1 <= 1 && c2 == 0) || (c1 <= 2 && others < 2 && c2 == 0)) return "medium";
  if ((others > 2 && c1 <= 2 && c2 == 0) || (c1 > 2 && c1 <= 3 && others <= 2 && c2 == 0) ||
      (c1 <= 1 && others == 0 && c2 <= 1)) {
    return "hard";
  }
  return "extra";
} catch (const Json::exception& error) {
  fail("parsed sql: " + json_problem(error));
}

}  // namespace tradeoff::task
