#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace tradeoff {

/// Seconds on the steady clock since construction.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Done of total, from the first second on, with rate and time left: a bar redrawn in place on a
/// terminal, otherwise one line every few seconds; silent with --quiet. One per process that
/// reports (rank 0).
class Progress {
 public:
  /// `before`: what an earlier start did already; it is done, but not at this one's rate.
  Progress(std::string what, std::uint64_t total, std::string unit, std::uint64_t before = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `note` follows the figures ("loss 0.31").
  void update(std::uint64_t done, const std::string& note = {});
  /// Prints the last state and the total time; called by the destructor when it was not.
  void finish();

 private:
  void show(bool last);

  std::string what_, unit_, note_;
  std::uint64_t total_, before_, done_;
  Stopwatch clock_;
  double shown_s_ = -1;
  bool terminal_, finished_ = false;
};

/// "1:02:03", "4:05" or "7 s".
std::string format_duration(double seconds);

}  // namespace tradeoff
