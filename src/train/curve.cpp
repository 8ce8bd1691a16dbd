#include "tradeoff/train/curve.hpp"

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::train {

Json to_json(const CurveRow& row) {
  return {{"step", row.step},
          {"epoch", row.epoch},
          {"loss", row.loss},
          {"lr", row.learning_rate},
          {"grad_norm", row.grad_norm},
          {"tokens", row.tokens},
          {"supervised_tokens", row.supervised_tokens},
          {"seconds", row.seconds},
          {"tokens_per_s", row.tokens_per_s()}};
}

std::vector<CurveRow> read_curve(const std::filesystem::path& file) {
  std::vector<CurveRow> rows;
  for_each_json_line(file, [&](Json& row, std::size_t) {
    rows.push_back({field<std::int64_t>(row, "step"), field<double>(row, "epoch"),
                    field<double>(row, "loss"), field<double>(row, "lr"),
                    field<double>(row, "grad_norm"), field<std::int64_t>(row, "tokens"),
                    field<std::int64_t>(row, "supervised_tokens"), field<double>(row, "seconds")});
  });
  return rows;
}

CurveWriter::CurveWriter(const std::filesystem::path& file, std::int64_t kept) : file_(file) {
  std::vector<CurveRow> rows;
  if (kept > 0) rows = read_curve(file);
  check(static_cast<std::int64_t>(rows.size()) >= kept,
        file.string() + ": fewer rows than the checkpoint has steps");
  rows.resize(static_cast<std::size_t>(kept));
  std::string text;
  for (const CurveRow& row : rows) text += to_line(to_json(row)) + "\n";
  write_atomically(file, text);
  out_.open(file, std::ios::app);
}

void CurveWriter::add(const CurveRow& row) {
  out_ << to_line(to_json(row)) << "\n" << std::flush;
  check(out_.good(), file_.string() + ": cannot be written");
}

}  // namespace tradeoff::train
