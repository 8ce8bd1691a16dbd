#include "tradeoff/sql/sandbox/value.hpp"

#include <fmt/format.h>

#include <cmath>
#include <functional>

namespace tradeoff::sql {
namespace {

using Kind = Value::Kind;

bool is_number(const Value& value) {
  return value.kind == Kind::integer || value.kind == Kind::real;
}

// True where `real` is a whole number that an int64 holds; 2^63 itself does not fit.
bool whole(double real) {
  return real >= -0x1p63 && real < 0x1p63 && real == std::floor(real);
}

// -1, 0 or 1 for integer against real, exactly: no integer is rounded to a double on the way.
int compare(std::int64_t integer, double real) {
  if (real >= 0x1p63) return -1;
  if (real < -0x1p63) return 1;
  const auto floor = static_cast<std::int64_t>(std::floor(real));
  if (integer != floor) return integer < floor ? -1 : 1;
  return real > std::floor(real) ? -1 : 0;
}

int compare_numbers(const Value& a, const Value& b) {
  if (a.kind == Kind::integer && b.kind == Kind::integer)
    return a.integer < b.integer ? -1 : a.integer > b.integer;
  if (a.kind == Kind::real && b.kind == Kind::real) return a.real < b.real ? -1 : a.real > b.real;
  return a.kind == Kind::integer ? compare(a.integer, b.real) : -compare(b.integer, a.real);
}

int order_of(Kind kind) {
  return kind == Kind::null ? 0 : kind == Kind::text ? 2 : kind == Kind::blob ? 3 : 1;
}

}  // namespace

bool operator==(const Value& a, const Value& b) {
  if (is_number(a) && is_number(b)) return compare_numbers(a, b) == 0;
  return a.kind == b.kind && a.bytes == b.bytes;
}

bool less_value(const Value& a, const Value& b) {
  if (is_number(a) && is_number(b)) return compare_numbers(a, b) < 0;
  if (order_of(a.kind) != order_of(b.kind)) return order_of(a.kind) < order_of(b.kind);
  return a.bytes < b.bytes;
}

std::size_t hash_value(const Value& value) {
  switch (value.kind) {
    case Kind::null:
      return 0x9e3779b9;
    case Kind::integer:
      return std::hash<std::int64_t>()(value.integer);
    case Kind::real:
      return whole(value.real) ? std::hash<std::int64_t>()(static_cast<std::int64_t>(value.real))
                               : std::hash<double>()(value.real);
    case Kind::text:
      return std::hash<std::string_view>()(value.bytes);
    case Kind::blob:
      return std::hash<std::string_view>()(value.bytes) ^ 0x5bd1e995;
  }
  return 0;
}

std::string to_text(const Value& value) {
  switch (value.kind) {
    case Kind::null:
      return "NULL";
    case Kind::integer:
      return std::to_string(value.integer);
    case Kind::real:
      return whole(value.real) && std::abs(value.real) < 1e15 ? fmt::format("{:.1f}", value.real)
                                                              : fmt::format("{}", value.real);
    case Kind::text:
      return std::string(value.bytes);
    case Kind::blob: {
      std::string hex = "x'";
      for (const unsigned char byte : value.bytes) hex += fmt::format("{:02x}", byte);
      return hex + "'";
    }
  }
  return {};
}

Rows::Rows(std::size_t width, std::vector<Value> cells, std::shared_ptr<const std::string> storage)
    : width_(width), cells_(std::move(cells)), storage_(std::move(storage)) {}

}  // namespace tradeoff::sql
