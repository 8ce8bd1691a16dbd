#include "tradeoff/results/status.hpp"
#include "tradeoff/front/commands.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include "tradeoff/base/error.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/front/exit_codes.hpp"

namespace tradeoff::front {
namespace {

struct StatusOptions {
  std::filesystem::path folder;
  bool watch = false, json = false;
  // Only this cell decides the exit code.
  std::optional<std::size_t> cell;
  // Seconds between two looks.
  double interval_s = 5;
};

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void print(const results::StudyStatus& status, const StatusOptions& options) {
  const bool redraws = options.watch && !options.json && ::isatty(STDOUT_FILENO) == 1;
  if (redraws) fmt::print("\033[H\033[J");
  if (options.json)
    fmt::print("{}\n", to_line(results::status_json(status)));
  else
    fmt::print("{}", results::status_text(status));
  std::fflush(stdout);
}

bool is_complete(const results::StudyStatus& status, const StatusOptions& options) {
  if (!options.cell) return status.complete;
  check(*options.cell < status.cells.size(), fmt::format("--cell {}: the study has cells 0 to {}",
                                                         *options.cell, status.cells.size() - 1));
  return status.cells[*options.cell].state == results::Progressed::complete;
}

void sleep(const StatusOptions& options) {
  std::this_thread::sleep_for(std::chrono::duration<double>(options.interval_s));
}

// A study that was submitted may stand in a queue for hours; study.json is the first it writes.
void await_beginning(const StatusOptions& options) {
  const auto begun = [&] { return std::filesystem::exists(options.folder / "study.json"); };
  if (begun()) return;
  fmt::print(stderr, "{}: no study has begun here yet; waiting for it\n", options.folder.string());
  while (!begun()) sleep(options);
}

int show(const StatusOptions& options) {
  if (options.watch) await_beginning(options);
  while (true) {
    const results::StudyStatus status = results::read_status(options.folder, now());
    print(status, options);
    if (is_complete(status, options)) return kComplete;
    if (!options.watch) return kNotComplete;
    sleep(options);
  }
}

}  // namespace

std::function<int()> status_of(std::span<const std::string> words) {
  auto options = std::make_shared<StatusOptions>();
  config::OptionTable table;
  table.add("study", &options->folder, "Folder of a study, running or not")
      .required()
      .placeholder("DIR");
  table.positional("study");
  table.add("watch", &options->watch,
            "Look again and again until the study is complete; wait for one that has not begun");
  table.add("interval", &options->interval_s, "Seconds between two looks").at_least(0.1);
  table.add("cell", &options->cell, "Only this cell decides the exit code (see run --list-cells)");
  table.add("json", &options->json, "One JSON object a look");
  if (!config::parse_command_line(
          {"status",
           "Tells from a study's files how far it has come: cells, rate, time left, signs of life. "
           "Exit code 0: complete, 3: not yet.",
           "tradeoff status results/demo --watch"},
          table, words))
    return {};
  return [options] { return show(*options); };
}

}  // namespace tradeoff::front
