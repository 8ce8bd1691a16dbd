#include "target.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/results/ledger.hpp"
#include "tradeoff/store/curve.hpp"
#include "tradeoff/store/journal.hpp"
#include "tradeoff/store/predictions_file.hpp"

namespace tradeoff::fuzz {
namespace {

namespace fs = std::filesystem;

// A line that is damaged is told by file and line.
void check_told(const std::vector<std::string>& damage, const fs::path& path) {
  for (const std::string& line : damage) {
    check(line.starts_with(path.string() + ":"), "damage that names no line: " + line);
  }
}

}  // namespace

void read_journal(const fs::path& folder, std::string_view bytes) {
  const Halves halves = halves_of(bytes);
  const fs::path first = put(folder / "journal-1.jsonl", with_sums(halves.first));
  put(folder / "journal-2.jsonl", with_sums(halves.second));
  const auto contents = store::read_journals(folder, Json{{"items", "a"}, {"chunk_size", 2}});
  for (const std::string& line : contents.damage)
    check(line.starts_with(folder.string() + "/journal-"), "damage that names no line: " + line);
}

void read_curve(const fs::path& folder, std::string_view bytes) {
  const fs::path path = put(folder / "train.jsonl", with_sums(bytes));
  std::vector<std::string> damage;
  const auto rows = store::read_curve(path, damage);
  check_told(damage, path);
  (void)store::is_whole_curve(rows, static_cast<std::int64_t>(rows.size()));
}

void read_ledger(const fs::path& folder, std::string_view bytes) {
  const fs::path path = put(folder / "ledger.jsonl", bytes);
  std::vector<std::string> damage;
  (void)results::read_ledger(path, damage);
  check_told(damage, path);
}

void read_hdf5(const fs::path& folder, std::string_view bytes) {
  (void)store::read_predictions(put(folder / "predictions.h5", bytes));
}

}  // namespace tradeoff::fuzz
