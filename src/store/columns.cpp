#include "tradeoff/store/columns.hpp"

#include <fmt/format.h>

#include <limits>

#include "tradeoff/base/error.hpp"

namespace tradeoff::store {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Calls take(row) for each row; an Error gets the row's number put before it.
template <typename Take>
void for_each_row(std::span<const Json> rows, Take take) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    try {
      take(rows[i]);
    } catch (const Error& error) {
      fail(fmt::format("row {}: {}", i, error.what()));
    }
  }
}

bool is_missing(const Json& row, std::string_view key) {
  const auto found = row.find(key);
  return found == row.end() || found->is_null();
}

const Json& array_at(const Json& row, std::string_view key) {
  const Json& found = *row.find(key);
  if (!found.is_array())
    fail(fmt::format("key \"{}\": found {}, expected an array", key, found.type_name()));
  return found;
}

}  // namespace

Ints ints_of(std::span<const Json> rows, std::string_view key) {
  Ints column;
  for_each_row(rows, [&](const Json& row) { column.push_back(field<std::int64_t>(row, key)); });
  return column;
}

Doubles doubles_of(std::span<const Json> rows, std::string_view key) {
  Doubles column;
  for_each_row(rows, [&](const Json& row) { column.push_back(field_or<double>(row, key, kNan)); });
  return column;
}

Flags flags_of(std::span<const Json> rows, std::string_view key) {
  Flags column;
  for_each_row(rows, [&](const Json& row) {
    column.push_back(is_missing(row, key) ? -1 : field<bool>(row, key) ? 1 : 0);
  });
  return column;
}

Strings strings_of(std::span<const Json> rows, std::string_view key) {
  Strings column;
  for_each_row(rows,
               [&](const Json& row) { column.push_back(field_or<std::string>(row, key, "")); });
  return column;
}

RaggedInts ragged_of(std::span<const Json> rows, std::string_view key) {
  RaggedInts column;
  for_each_row(rows, [&](const Json& row) {
    Ints values;
    if (!is_missing(row, key)) {
      for (const Json& value : array_at(row, key))
        values.push_back(field<std::int64_t>({{key, value}}, key));
    }
    column.add(values);
  });
  return column;
}

Matrix matrix_of(std::span<const Json> rows, std::string_view key, std::size_t width) {
  Matrix column{width, {}};
  for_each_row(rows, [&](const Json& row) {
    if (is_missing(row, key)) {
      column.values.insert(column.values.end(), width, kNan);
      return;
    }
    const Json& values = array_at(row, key);
    if (values.size() != width) {
      fail(fmt::format("key \"{}\": found {} numbers, expected {}", key, values.size(), width));
    }
    for (const Json& value : values) {
      column.values.push_back(field_or<double>({{key, value}}, key, kNan));
    }
  });
  return column;
}

}  // namespace tradeoff::store
