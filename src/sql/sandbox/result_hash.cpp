#include "tradeoff/sql/sandbox/result_hash.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "tradeoff/base/hash.hpp"

namespace tradeoff::sql {
namespace {

constexpr std::size_t kDigits = 16;

// Equal values have equal texts, other values others.
std::string canonical(const Value& value) {
  switch (value.kind) {
    case Value::Kind::null:
      return "n;";
    case Value::Kind::integer:
      return fmt::format("i{};", value.integer);
    case Value::Kind::real: {
      const bool whole =
          value.real == std::floor(value.real) && value.real >= -0x1p63 && value.real < 0x1p63;
      if (whole) return fmt::format("i{};", static_cast<std::int64_t>(value.real));
      return fmt::format("r{:x};", std::bit_cast<std::uint64_t>(value.real));
    }
    case Value::Kind::text:
      return fmt::format("t{}:{};", value.bytes.size(), value.bytes);
    case Value::Kind::blob:
      return fmt::format("b{}:{};", value.bytes.size(), value.bytes);
  }
  return "";
}

}  // namespace

std::string result_hash(const Rows& rows) {
  std::vector<std::string> lines(rows.size());
  for (std::size_t i = 0; i < lines.size(); ++i)
    for (const Value& value : rows[i]) lines[i] += canonical(value);
  std::ranges::sort(lines);
  Sha256 hash;
  for (const std::string& line : lines) hash.update(line + "\n");
  return hash.finish().substr(0, kDigits);
}

}  // namespace tradeoff::sql
