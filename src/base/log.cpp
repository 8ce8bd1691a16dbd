#include "tradeoff/base/log.hpp"

#include <unistd.h>

#include <cstdio>

namespace tradeoff::log {
namespace {
struct State {
  Level level = Level::normal;
  std::string prefix;
};
State& state() {
  static State instance;
  return instance;
}
// One write per line, so that the lines of several ranks do not mix.
void put(std::string_view kind, std::string_view line) {
  const std::string text = fmt::format("{}{}{}\n", state().prefix, kind, line);
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}
}  // namespace

void configure(Level level, std::string prefix) {
  state() = {level, std::move(prefix)};
}
bool quiet() {
  return state().level == Level::quiet;
}
void info_line(std::string_view line) {
  if (!quiet()) put("", line);
}
void warn_line(std::string_view line) {
  put("warning: ", line);
}

}  // namespace tradeoff::log
