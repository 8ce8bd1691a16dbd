#include "tradeoff/store/curve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/log.hpp"

namespace tradeoff::store {
namespace {

namespace fs = std::filesystem;
using Made = std::pair<std::string, std::int64_t>;  // a start's step

std::vector<CurveRow> read_and_tell(const fs::path& file) {
  std::vector<std::string> damage;
  auto rows = read_curve(file, damage);
  for (const std::string& line : damage) log::warn("{}", line);
  return rows;
}

void write_rows(const fs::path& file, const std::vector<CurveRow>& rows) {
  std::string text;
  for (const CurveRow& row : rows) text += seal(to_json(row));
  write_atomically(file, text);
}

// A kill between the two files leaves a row in both: each start's step counts once.
void keep_redone(const fs::path& out, const std::vector<CurveRow>& kept) {
  std::set<Made> known;
  for (const CurveRow& row : kept) known.emplace(row.start, row.step);
  std::vector<CurveRow> redone = read_and_tell(redone_file(out));
  for (const CurveRow& row : redone) known.emplace(row.start, row.step);
  const std::size_t before = redone.size();
  for (const CurveRow& row : read_and_tell(curve_file(out))) {
    if (known.emplace(row.start, row.step).second) redone.push_back(row);
  }
  if (redone.size() > before) write_rows(redone_file(out), redone);
}

// The file of exactly these rows, to which others are appended.
fs::path begin_curve(const fs::path& out, const std::vector<CurveRow>& kept) {
  keep_redone(out, kept);
  write_rows(curve_file(out), kept);
  return curve_file(out);
}

}  // namespace

Json to_json(const CurveRow& row) {
  return {{"step", row.step},
          {"epoch", row.epoch},
          {"loss", row.loss},
          {"lr", row.learning_rate},
          {"grad_norm", row.grad_norm},
          {"tokens", row.tokens},
          {"supervised_tokens", row.supervised_tokens},
          {"seconds", row.seconds},
          {"tokens_per_s", row.tokens_per_s()},
          {"start", row.start},
          {"ranks", row.ranks}};
}

CurveRow curve_row(const Json& json) {
  return {field<std::int64_t>(json, "step"),
          field<double>(json, "epoch"),
          field<double>(json, "loss"),
          field<double>(json, "lr"),
          field<double>(json, "grad_norm"),
          field<std::int64_t>(json, "tokens"),
          field<std::int64_t>(json, "supervised_tokens"),
          field<double>(json, "seconds"),
          field<std::string>(json, "start"),
          field<int>(json, "ranks")};
}

Json curve_json(const std::vector<CurveRow>& rows) {
  Json json = Json::array();
  for (const CurveRow& row : rows) json.push_back(to_json(row));
  return json;
}

std::vector<CurveRow> curve_of(const Json& object) {
  std::vector<CurveRow> rows;
  for (const Json& row : field<Json>(object, "curve")) rows.push_back(curve_row(row));
  return rows;
}

fs::path curve_file(const fs::path& out) {
  return out / "train.jsonl";
}
fs::path redone_file(const fs::path& out) {
  return out / "redone.jsonl";
}

std::vector<CurveRow> read_curve(const fs::path& file, std::vector<std::string>& damage) {
  std::vector<CurveRow> rows;
  if (!fs::exists(file)) return rows;
  for (const auto& [object, number] : read_sealed(file)) {
    try {
      check(object.has_value(), "the line is not as it was written");
      rows.push_back(curve_row(*object));
    } catch (const Error& error) {
      damage.push_back(fmt::format("{}:{}: {}", file.string(), number, error.what()));
    }
  }
  return rows;
}

bool is_whole_curve(const std::vector<CurveRow>& rows, std::int64_t steps) {
  std::int64_t next = 1;
  return std::ranges::all_of(rows, [&](const CurveRow& row) { return row.step == next++; }) &&
         next == steps + 1;
}

CurveWriter::CurveWriter(const fs::path& out, std::vector<CurveRow> kept)
    : rows_(std::move(kept)), file_(begin_curve(out, rows_), Begin::existing) {}

void CurveWriter::add(const CurveRow& row) {
  file_.append(seal(to_json(row)));
  rows_.push_back(row);
}

}  // namespace tradeoff::store
