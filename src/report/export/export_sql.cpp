#include <fmt/format.h>

#include <algorithm>

#include "grids/grid.hpp"
#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/report/export/exports.hpp"
#include "tradeoff/store/item_columns.hpp"

namespace tradeoff::report {
namespace {

namespace item_column = store::item_column;
using store::Strings;

constexpr std::string_view kPlaceholder = "select";

}  // namespace

std::string one_line_sql(std::string_view sql) {
  std::string out;
  char quote = 0;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    if (quote) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"' || c == '`') {
      quote = c;
    } else if (c == '-' && i + 1 < sql.size() && sql[i + 1] == '-') {
      while (i < sql.size() && sql[i] != '\n') ++i;
      out += ' ';
      continue;
    }
    out += c == '\n' || c == '\r' || c == '\t' || c == '\v' || c == '\f' ? ' ' : c;
  }
  const std::size_t first = out.find_first_not_of(' ');
  if (first == std::string::npos) return std::string(kPlaceholder);
  return out.substr(first, out.find_last_not_of(' ') - first + 1);
}

void export_sql(const std::filesystem::path& folder, const Study& study, const std::string& task) {
  const store::Table& items = study.predictions.items.at(task);
  const Strings &query = items.at(item_column::kQuery), &db = items.at(item_column::kDatabase);
  const Strings& id = items.at(item_column::kId);
  std::filesystem::create_directories(folder);
  std::string gold;
  for (std::size_t i = 0; i < query.size(); ++i)
    gold += one_line_sql(query[i]) + "\t" + db[i] + "\n";
  write_atomically(folder / "gold.sql", gold);
  std::vector<std::vector<std::string>> placeholders;
  for (const auto& [key, run] : study.predictions.runs) {
    if (key.task != task) continue;
    for (std::size_t k = 0; k < run.samples(); ++k) {
      const Strings& sql = run.sample(k).at(store::column::kSql);
      const Strings& outcome = run.sample(k).at(store::column::kOutcome);
      std::string lines;
      const std::string sample = run.sampled() ? fmt::format("_sample-{}", k) : "";
      const std::string name = fmt::format("{}_seed-{}{}.sql", key.arm, key.seed, sample);
      for (std::size_t i = 0; i < sql.size(); ++i) {
        const std::string line = one_line_sql(sql[i]);
        lines += line + "\n";
        if (line != kPlaceholder) continue;
        placeholders.push_back(
            {key.arm, std::to_string(key.seed) + sample, std::to_string(i + 1), id[i], outcome[i]});
      }
      write_atomically(folder / name, lines);
    }
  }
  write_atomically(folder / "placeholders.csv",
                   to_csv({"arm", "seed", "line", "id", "outcome"}, placeholders));
}

}  // namespace tradeoff::report
