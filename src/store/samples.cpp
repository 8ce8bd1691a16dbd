#include "samples.hpp"

#include <fmt/format.h>

#include "tradeoff/base/error.hpp"
#include "tradeoff/store/run_columns.hpp"

namespace tradeoff::store {
namespace {

// Appends row `row` of `from`, a column of the same kind.
struct AppendRow {
  const Column& from;
  std::size_t row;

  void operator()(RaggedInts& to) const { to.add(std::get<RaggedInts>(from).row(row)); }
  void operator()(Matrix& to) const {
    const auto& matrix = std::get<Matrix>(from);
    to.width = matrix.width;
    const auto begin = matrix.values.begin() + static_cast<std::ptrdiff_t>(row * matrix.width);
    to.values.insert(to.values.end(), begin, begin + static_cast<std::ptrdiff_t>(matrix.width));
  }
  template <typename T>
  void operator()(std::vector<T>& to) const {
    to.push_back(std::get<std::vector<T>>(from)[row]);
  }
};

// An empty column of the kind of `like`.
Column empty_like(const Column& like) {
  return std::visit([](const auto& values) -> Column { return std::decay_t<decltype(values)>(); },
                    like);
}

}  // namespace

Table join_samples(const Run& run) {
  const std::size_t samples = run.samples(), items = run.rows.rows();
  Ints number;
  for (std::size_t row = 0; row < items * samples; ++row)
    number.push_back(static_cast<std::int64_t>(row % samples));
  Table joined;
  for (const auto& [name, first] : run.rows.columns()) {
    Column column = empty_like(first);
    for (std::size_t row = 0; row < items * samples; ++row)
      std::visit(AppendRow{run.sample(row % samples).at(name), row / samples}, column);
    joined.add(name, std::move(column));
    if (name == column::kItem.name)
      joined.add(std::string(column::kSample.name), std::move(number));
  }
  return joined;
}

std::vector<Table> split_samples(const Table& stored) {
  const Ints &item = stored.at(column::kItem), &sample = stored.at(column::kSample);
  std::size_t samples = 0;
  while (samples < item.size() && item[samples] == 0) ++samples;
  check(samples > 0, "column \"item\": expected item 0 first");
  for (std::size_t row = 0; row < item.size(); ++row) {
    if (item[row] == static_cast<std::int64_t>(row / samples) &&
        sample[row] == static_cast<std::int64_t>(row % samples))
      continue;
    fail(fmt::format("row {} is sample {} of item {}, expected sample {} of item {}", row,
                     sample[row], item[row], row % samples, row / samples));
  }
  check(item.size() % samples == 0,
        fmt::format("{} rows, expected the same number of samples of every item", item.size()));
  std::vector<Table> tables(samples);
  for (Table& table : tables) table.set_origin(stored.origin());
  for (const auto& [name, column] : stored.columns()) {
    if (name == column::kSample.name) continue;
    for (std::size_t k = 0; k < samples; ++k) {
      Column own = empty_like(column);
      for (std::size_t row = k; row < item.size(); row += samples)
        std::visit(AppendRow{column, row}, own);
      tables[k].add(name, std::move(own));
    }
  }
  return tables;
}

}  // namespace tradeoff::store
