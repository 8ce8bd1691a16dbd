#include "plain_sqlite.hpp"

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/utf8.hpp"

namespace tradeoff::sql {
namespace {

struct Finalizer {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

std::shared_ptr<sqlite3> opened(const std::filesystem::path& path, int flags) {
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  std::shared_ptr<sqlite3> owner(db, sqlite3_close_v2);
  check(code == SQLITE_OK, path.string() + ": " + sqlite3_errmsg(db));
  return owner;
}

}  // namespace

PlainConnection::PlainConnection(const std::filesystem::path& database)
    : db_(opened(database, SQLITE_OPEN_READONLY)) {}

std::optional<Rows> plain_rows(const std::filesystem::path& database, std::string_view sql) {
  return PlainConnection(database).rows(sql);
}

std::optional<Rows> PlainConnection::rows(std::string_view sql) const {
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &prepared, nullptr) !=
      SQLITE_OK)
    return {};
  const std::unique_ptr<sqlite3_stmt, Finalizer> statement(prepared);
  const int width = sqlite3_column_count(prepared);
  std::vector<Value> cells;
  // Where each cell's bytes start; the storage moves while it grows.
  std::vector<std::pair<std::size_t, std::size_t>> places;
  auto storage = std::make_shared<std::string>();
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(prepared)) == SQLITE_ROW)
    for (int column = 0; column < width; ++column) {
      Value& value = cells.emplace_back();
      const std::size_t start = storage->size();
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(prepared, column));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(prepared, column));
      switch (sqlite3_column_type(prepared, column)) {
        case SQLITE_INTEGER:
          value.kind = Value::Kind::integer;
          value.integer = sqlite3_column_int64(prepared, column);
          break;
        case SQLITE_FLOAT:
          value.kind = Value::Kind::real;
          value.real = sqlite3_column_double(prepared, column);
          break;
        case SQLITE_TEXT:
          value.kind = Value::Kind::text;
          append_valid_utf8(*storage, {bytes, size});
          break;
        case SQLITE_BLOB:
          value.kind = Value::Kind::blob;
          storage->append(bytes, size);
          break;
        default:
          break;
      }
      places.emplace_back(start, storage->size() - start);
    }
  if (code != SQLITE_DONE) return {};
  for (std::size_t i = 0; i < cells.size(); ++i)
    cells[i].bytes = std::string_view(*storage).substr(places[i].first, places[i].second);
  return Rows(static_cast<std::size_t>(width), std::move(cells), std::move(storage));
}

void plain_execute(const std::filesystem::path& database, const std::string& statements) {
  const auto db = opened(database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  char* message = nullptr;
  sqlite3_exec(db.get(), statements.c_str(), nullptr, nullptr, &message);
  const std::string text = message ? message : "";
  sqlite3_free(message);
  check(text.empty(), database.string() + ": " + text);
}

}  // namespace tradeoff::sql
