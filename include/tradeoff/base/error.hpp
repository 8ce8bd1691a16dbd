#pragma once
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tradeoff {

/// What ends a run. The text names the file, the place, what was found and what was expected.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what,
                 std::source_location where = std::source_location::current());
  /// Place in the source that raised it, "file.cpp:12"; shown when TRADEOFF_DEBUG is set.
  const std::string& where() const { return where_; }

 private:
  std::string where_;
};

[[noreturn]] void fail(const std::string& what,
                       std::source_location where = std::source_location::current());

/// Throws Error(what) unless ok. In a hot loop write `if (bad) fail(...)`, so that the text is
/// built on failure only.
inline void check(bool ok, std::string_view what,
                  std::source_location where = std::source_location::current()) {
  if (!ok) fail(std::string(what), where);
}

/// Throws Error("call: strerror(errno)") when `result` is negative.
void check_errno(long result, std::string_view call,
                 std::source_location where = std::source_location::current());

}  // namespace tradeoff
