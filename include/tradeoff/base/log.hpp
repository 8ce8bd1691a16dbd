#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

/// Lines for people, on standard error; standard output belongs to results.
namespace tradeoff::log {

enum class Level { quiet, normal };

/// `prefix` stands before every line of this process ("[r3] "; empty for a single process).
void configure(Level level, std::string prefix);
/// True where --quiet was given.
bool quiet();

void info_line(std::string_view line);
/// Warnings are shown even when quiet.
void warn_line(std::string_view line);

template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  info_line(fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  warn_line(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace tradeoff::log
