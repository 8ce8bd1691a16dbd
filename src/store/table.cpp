#include "tradeoff/store/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

#include "tradeoff/base/error.hpp"

namespace tradeoff::store {

void RaggedInts::add(std::span<const std::int64_t> row) {
  values.insert(values.end(), row.begin(), row.end());
  offsets.push_back(static_cast<std::int64_t>(values.size()));
}

std::span<const std::int64_t> RaggedInts::row(std::size_t i) const {
  return std::span(values).subspan(offsets.at(i), offsets.at(i + 1) - offsets.at(i));
}

std::string_view kind_of(const Column& column) {
  constexpr std::string_view kNames[] = {"integers", "numbers",         "flags",
                                         "strings",  "ragged integers", "a matrix"};
  static_assert(std::size(kNames) == std::variant_size_v<Column>);
  return kNames[column.index()];
}

std::size_t rows_of(const Column& column) {
  return std::visit(
      [](const auto& values) -> std::size_t {
        if constexpr (requires { values.rows(); }) {
          return values.rows();
        } else {
          return values.size();
        }
      },
      column);
}

void Table::add(std::string name, Column column) {
  check(!name.empty() && name.find('/') == std::string::npos && name != ".",
        fmt::format("column \"{}\": a name is not empty, not \".\" and has no '/'", name));
  check(!has(name), fmt::format("column \"{}\" is there already", name));
  check(columns_.empty() || rows_of(column) == rows(),
        fmt::format("column \"{}\" has {} rows, the columns before it have {}", name,
                    rows_of(column), rows()));
  columns_.emplace_back(std::move(name), std::move(column));
}

const Column* Table::find(std::string_view name) const {
  const auto found = std::find_if(columns_.begin(), columns_.end(),
                                  [&](const auto& column) { return column.first == name; });
  return found == columns_.end() ? nullptr : &found->second;
}

const Column& Table::at(std::string_view name) const {
  if (const Column* found = find(name)) return *found;
  std::vector<std::string_view> names;
  for (const auto& column : columns_) names.push_back(column.first);
  fail(fmt::format("{}{}no column \"{}\", only {}", origin_, origin_.empty() ? "" : ": ", name,
                   fmt::join(names, ", ")));
}

void Table::fail_at_kind(std::string_view name, const Column& found,
                         std::string_view expected) const {
  fail(fmt::format("{}{}column \"{}\": found {}, expected {}", origin_, origin_.empty() ? "" : ": ",
                   name, kind_of(found), expected));
}

}  // namespace tradeoff::store
