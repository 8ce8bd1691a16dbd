#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tradeoff::store {

/// Rows of integers of unequal length (token ids): row i is values[offsets[i], offsets[i+1]).
struct RaggedInts {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int64_t> values;
  void add(std::span<const std::int64_t> row);
  std::size_t rows() const { return offsets.size() - 1; }
  std::span<const std::int64_t> row(std::size_t i) const;
  bool operator==(const RaggedInts&) const = default;
};

/// rows x width, row-major (choice log-probabilities).
struct Matrix {
  std::size_t width = 0;
  std::vector<double> values;
  std::size_t rows() const { return width == 0 ? 0 : values.size() / width; }
  bool operator==(const Matrix&) const = default;
};

using Ints = std::vector<std::int64_t>;
/// A missing value is NaN.
using Doubles = std::vector<double>;
/// 1 yes, 0 no, -1 missing.
using Flags = std::vector<std::int8_t>;
/// A missing value is "".
using Strings = std::vector<std::string>;
using Column = std::variant<Ints, Doubles, Flags, Strings, RaggedInts, Matrix>;

/// What `cell`, a member or a function, gives of each row. T: Ints, Doubles, Flags or Strings.
template <typename T, typename Rows, typename Cell>
T column_from(const Rows& rows, const Cell& cell) {
  T column;
  for (const auto& row : rows) column.push_back(std::invoke(cell, row));
  return column;
}

/// "integers", "flags", ...: what a message calls a column's kind.
std::string_view kind_of(const Column& column);
std::size_t rows_of(const Column& column);

/// A column of a schema (run_columns.hpp, item_columns.hpp).
template <typename T>
struct RunColumn;
template <typename T>
struct ItemColumn;

/// Named columns of equal length, in the order they were added.
class Table {
 public:
  /// Throws Error on an empty name or one with '/', a name already there, and another number of
  /// rows.
  void add(std::string name, Column column);
  template <typename T>
  void add(const ItemColumn<T>& column, T values) {
    add(std::string(column.name), std::move(values));
  }
  std::size_t rows() const { return columns_.empty() ? 0 : rows_of(columns_.front().second); }
  const std::vector<std::pair<std::string, Column>>& columns() const { return columns_; }
  bool has(std::string_view name) const { return find(name) != nullptr; }
  /// The column as T, one of the types above. Throws Error naming the columns there are, or the
  /// kind found.
  template <typename T>
  const T& at(std::string_view name) const {
    const Column& column = at(name);
    if (const T* found = std::get_if<T>(&column)) return *found;
    fail_at_kind(name, column, kind_of(Column(T())));
  }
  /// By a name and type that a schema tells. Throws the same.
  template <typename T>
  const T& at(const RunColumn<T>& column) const {
    return at<T>(column.name);
  }
  template <typename T>
  const T& at(const ItemColumn<T>& column) const {
    return at<T>(column.name);
  }
  template <typename T>
  bool has(const RunColumn<T>& column) const {
    return has(column.name);
  }
  template <typename T>
  bool has(const ItemColumn<T>& column) const {
    return has(column.name);
  }
  const Column& at(std::string_view name) const;
  /// Where the table was read from, which messages then name: "FILE:/items/TASK".
  const std::string& origin() const { return origin_; }
  void set_origin(std::string origin) { origin_ = std::move(origin); }
  /// By the columns alone.
  bool operator==(const Table& other) const { return columns_ == other.columns_; }

 private:
  const Column* find(std::string_view name) const;
  [[noreturn]] void fail_at_kind(std::string_view name, const Column& found,
                                 std::string_view expected) const;
  std::vector<std::pair<std::string, Column>> columns_;
  std::string origin_;
};

}  // namespace tradeoff::store
