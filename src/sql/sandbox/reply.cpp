#include "reply.hpp"

#include <cstring>
#include <string_view>

namespace tradeoff::sql {
namespace {

// Names of columns and messages, which the cap does not count.
constexpr std::uint64_t kSlackBytes = 16u << 20;

// Takes pieces off the front; `ok` turns false at the first that is not there.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) {
      ok = false;
      return {};
    }
    const std::string_view piece = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return piece;
  }
  template <typename T>
  T number() {
    T value{};
    const std::string_view piece = take(sizeof value);
    if (ok) std::memcpy(&value, piece.data(), sizeof value);
    return value;
  }
  std::string_view text() { return take(number<std::uint32_t>()); }
  bool empty() const { return bytes_.empty(); }
  std::size_t left() const { return bytes_.size(); }

  bool ok = true;

 private:
  std::string_view bytes_;
};

Value read_cell(Reader& reader) {
  Value value;
  switch (reader.number<wire::Cell>()) {
    case wire::Cell::null:
      break;
    case wire::Cell::integer:
      value.kind = Value::Kind::integer;
      value.integer = reader.number<std::int64_t>();
      break;
    case wire::Cell::real:
      value.kind = Value::Kind::real;
      value.real = reader.number<double>();
      break;
    case wire::Cell::text:
      value.kind = Value::Kind::text;
      value.bytes = reader.text();
      break;
    case wire::Cell::blob:
      value.kind = Value::Kind::blob;
      value.bytes = reader.text();
      break;
    default:
      reader.ok = false;
  }
  return value;
}

}  // namespace

bool plausible(const wire::Reply& head, std::uint64_t max_bytes) {
  return head.magic == wire::kMagic && head.status <= wire::Status::no_database &&
         head.columns <= 2'000 && head.payload_bytes <= max_bytes + kSlackBytes &&
         head.message_bytes <= head.payload_bytes && head.rows <= head.payload_bytes;
}

std::optional<Result> read_reply(const wire::Reply& head, std::string payload) {
  auto storage = std::make_shared<const std::string>(std::move(payload));
  Reader reader(*storage);
  Result result;
  result.steps = head.steps;
  result.message = reader.take(head.message_bytes);
  if (head.status != wire::Status::ok) {
    if (!reader.ok) return {};
    return result;
  }
  for (std::uint32_t i = 0; i < head.columns && reader.ok; ++i)
    result.columns.emplace_back(reader.text());
  // Each cell takes a byte at least: what is reserved is bounded by what was received.
  if (!reader.ok || head.rows * head.columns > reader.left()) return {};
  std::vector<Value> cells;
  cells.reserve(head.rows * head.columns);
  for (std::uint64_t i = 0; i < head.rows * head.columns && reader.ok; ++i)
    cells.push_back(read_cell(reader));
  if (!reader.ok || !reader.empty()) return {};
  result.rows = Rows(head.columns, std::move(cells), std::move(storage));
  return result;
}

}  // namespace tradeoff::sql
