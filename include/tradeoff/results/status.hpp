#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"

namespace tradeoff::results {

enum class Progressed { missing, running, complete };

/// Training or one task of a cell: steps or questions.
struct WorkStatus {
  std::string name;  // "training", or the task's
  std::int64_t done = 0;
  // Nothing where only the training itself knows (num_train_epochs).
  std::optional<std::int64_t> total;
  bool complete = false;
  std::int64_t written_at = 0;  // Unix seconds of the newest change of its files; 0: none
  // What was made, twice included, and the wall clock that it took: the rate.
  std::int64_t made = 0;
  double seconds = 0;
};

struct CellStatus {
  std::string arm;
  std::uint64_t seed = 0;
  std::vector<WorkStatus> work;  // training first, where the arm trains
  Progressed state = Progressed::missing;
};

/// The last sign of life of a rank.
struct RankStatus {
  std::string host, doing;
  int rank = 0, ranks = 1;
  double age_s = 0;
};

struct StudyStatus {
  std::string name;
  // complete.json stands in the folder, and predictions.h5 is the file that it names.
  bool complete = false;
  std::vector<CellStatus> cells;
  std::vector<RankStatus> ranks;
  // Wall clock for what is left, at the rates so far and with as many cells at a time as run now;
  // nothing where some work has no rate yet.
  std::optional<double> left_s;
  // What is odd about the folder, in words.
  std::vector<std::string> remarks;

  std::size_t count(Progressed state) const;
};

/// A cell counts as running where a rank gave a sign of life in so many seconds, and told of it or
/// something of it was written in the same time.
inline constexpr std::int64_t kRunningWithinS = 120;

/// From the files of a study's folder alone, also while it runs elsewhere. `now`: Unix seconds.
/// Throws Error where the folder holds no study, or one of a version that did not keep its plan.
StudyStatus read_status(const std::filesystem::path& folder, std::int64_t now);

/// Several lines, or one object.
std::string status_text(const StudyStatus& status);
Json status_json(const StudyStatus& status);

}  // namespace tradeoff::results
