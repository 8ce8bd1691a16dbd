#include "tradeoff/base/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "tradeoff/base/log.hpp"

namespace tradeoff {
namespace {
constexpr double kTerminalPeriodS = 0.1;
constexpr double kLinePeriodS = 5.0, kFirstLineS = 1.0;
constexpr int kBarWidth = 24;
}  // namespace

std::string format_duration(double seconds) {
  const auto whole = static_cast<long>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

Progress::Progress(std::string what, std::uint64_t total, std::string unit, std::uint64_t before)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      before_(before),
      done_(before),
      terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  finish();
}

void Progress::update(std::uint64_t done, const std::string& note) {
  done_ = done;
  note_ = note;
  double period = terminal_ ? kTerminalPeriodS : kLinePeriodS;
  // A line that only says again that nothing is done yet comes ever more rarely.
  if (!terminal_ && done == before_) period = std::max(period, shown_s_);
  const double due = shown_s_ < 0 ? std::min(period, kFirstLineS) : shown_s_ + period;
  if (clock_.seconds() >= due) show(false);
}

void Progress::finish() {
  if (std::exchange(finished_, true)) return;
  show(true);
}

void Progress::show(bool last) {
  shown_s_ = clock_.seconds();
  if (log::quiet()) return;
  const double rate =
      shown_s_ > 0 && done_ > before_ ? static_cast<double>(done_ - before_) / shown_s_ : 0;
  const double left = rate > 0 ? static_cast<double>(total_ - std::min(done_, total_)) / rate : 0;
  const std::string time = last ? "in " + format_duration(shown_s_)
                                : (rate > 0 ? format_duration(left) + " left" : "starting");
  const std::string figures = fmt::format("{} {}/{} {} ({:.3g}/s, {}){}{}", what_, done_, total_,
                                          unit_, rate, time, note_.empty() ? "" : ", ", note_);
  if (!terminal_) return log::info_line(figures);
  const auto filled = total_ > 0 ? static_cast<int>(kBarWidth * done_ / total_) : kBarWidth;
  const std::string bar = std::string(filled, '#') + std::string(kBarWidth - filled, '.');
  const std::string line = fmt::format("\r\033[K[{}] {}{}", bar, figures, last ? "\n" : "");
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace tradeoff
