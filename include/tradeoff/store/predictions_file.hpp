#pragma once
#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/store/hdf5.hpp"
#include "tradeoff/store/table.hpp"

/// The layout of `predictions.h5`. Equal content gives equal bytes; nothing in it tells when or
/// where it was made.
// clang-format off
///   /                              attributes schema_version, config (JSON), commit, versions (JSON)
///   /items/<task>                  the questions, one row an item: columns id, and what the task has
///   /runs/<arm>/seed-<s>/<task>    one row an item, in the order of /items/<task>; column `item` is its index.
///                                  Of a sampled run one row an item and sample, ordered so; column `sample`
///                                  from 0, attributes temperature, top_p, top_k, samples, sample_seed
///   /runs/<arm>/seed-<s>/training  the loss curve, one row an optimizer step (column `step` from 1)
///   /summary/<name>                reduced tables, and the prompts (results/prompt_table.hpp)
// clang-format on
/// Columns of runs: run_columns.hpp. Missing values: table.hpp.
namespace tradeoff::store {

/// Of a file without sampled runs, and of one with some; both are read.
inline constexpr std::int64_t kPredictionsSchema = 1, kSampledSchema = 2;

struct RunKey {
  std::string arm;
  std::uint64_t seed = 0;
  std::string task;
  auto operator<=>(const RunKey&) const = default;
};

struct Run {
  /// One row an item; of a sampled run those of sample 0.
  Table rows;
  /// Of samples 1, 2, ..., each with the items and columns of `rows`.
  std::vector<Table> further;
  /// Of the run's group: hashes of adapter and prompts, why a cell was not computed again, ...
  Attributes attributes;

  bool sampled() const { return attributes.contains("samples"); }
  std::size_t samples() const { return 1 + further.size(); }
  const Table& sample(std::size_t k) const { return k == 0 ? rows : further.at(k - 1); }
  bool operator==(const Run&) const = default;
};

struct Predictions {
  /// The resolved config, without paths, ranks, threads, device and cell selection.
  Json config = Json::object();
  std::string commit;
  /// Library or task -> version.
  std::map<std::string, std::string> versions;
  /// By task.
  std::map<std::string, Table> items;
  std::map<RunKey, Run> runs;
  /// By arm and seed.
  std::map<std::pair<std::string, std::uint64_t>, Table> training;
  /// By name.
  std::map<std::string, Table> summary;
};

/// What a column of that name holds, as write_predictions stores it in the column's attribute
/// `description`; empty for a name that no table of this program has.
std::string_view column_text(std::string_view name);

/// Writes `path` whole or not at all. Throws Error when a run's `item` column is not 0, 1, ..., n-1
/// for the n items of its task, or when a name cannot be a group ('/' in an arm).
void write_predictions(const std::filesystem::path& path, const Predictions& predictions);

/// Throws Error on a file that is missing, torn, foreign, of another schema version, or against the
/// layout, naming the place; where the complete.json beside it has another SHA-256 for it; where
/// the HDF5 library crashes on it (a child process tries that first, unless the SHA-256 is
/// confirmed).
Predictions read_predictions(const std::filesystem::path& path);

}  // namespace tradeoff::store
