#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tradeoff::sql {

/// One cell of a result. `bytes` points into the Rows that holds the cell; TEXT is valid UTF-8
/// (bytes that are not are dropped, as the official evaluator's text factory does).
struct Value {
  enum class Kind : std::uint8_t { null, integer, real, text, blob };

  Kind kind = Kind::null;
  std::int64_t integer = 0;
  double real = 0;
  std::string_view bytes;
};

/// Python's equality, by which the official evaluators compare: 1 == 1.0 exactly (no rounding),
/// '1' != 1, TEXT != BLOB, NULL == NULL, text by bytes.
bool operator==(const Value& a, const Value& b);
/// Equal values have equal hashes.
std::size_t hash_value(const Value& value);
/// A total order that agrees with ==: NULL, numbers, text, blobs.
bool less_value(const Value& a, const Value& b);
/// As SQLite's shell would show it: NULL, 1, 1.5, text, x'00ff'.
std::string to_text(const Value& value);

/// The rows of one result, row by row in one array. Copies share the bytes.
class Rows {
 public:
  Rows() = default;
  /// cells.size() is a multiple of width, or both are 0; `storage` keeps what the cells point to.
  Rows(std::size_t width, std::vector<Value> cells, std::shared_ptr<const std::string> storage);

  std::size_t size() const { return width_ == 0 ? 0 : cells_.size() / width_; }
  bool empty() const { return size() == 0; }
  std::size_t width() const { return width_; }
  std::span<const Value> operator[](std::size_t row) const {
    return std::span(cells_).subspan(row * width_, width_);
  }
  std::span<const Value> cells() const { return cells_; }

 private:
  std::size_t width_ = 0;
  std::vector<Value> cells_;
  std::shared_ptr<const std::string> storage_;
};

}  // namespace tradeoff::sql
