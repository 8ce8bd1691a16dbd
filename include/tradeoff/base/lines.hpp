#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

namespace tradeoff {

/// Bytes of the longest line that is looked for: no text has longer ones. A file of gigabytes
/// without a line end (a hole, as a power loss leaves it) is given up after so many.
inline constexpr std::size_t kLongestLine = std::size_t{256} << 20;
inline constexpr const char* kNoLineEnd = "found no line end in 256 MiB";

/// Walks the lines of `text`, which must outlive it.
class Lines {
 public:
  enum class End { newline, text, too_long };

  explicit Lines(std::string_view text) : rest_(text) {}
  /// The next line without its newline; nullopt behind the last one. Of a line longer than
  /// kLongestLine so many bytes are given, and the walk is over.
  std::optional<std::string_view> next();
  /// Of the line that next() gave last, from 1.
  std::size_t number() const { return number_; }
  End end() const { return end_; }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
  End end_ = End::text;
};

}  // namespace tradeoff
