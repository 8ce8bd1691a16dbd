#pragma once
#include <functional>
#include <span>
#include <string>

namespace tradeoff::front {

/// What `tradeoff COMMAND WORDS...` does, for one process, ready to run; it returns the exit code
/// and throws what ends the run. Empty where --help was printed. Throw config::UsageError with all
/// faults of the words. Need neither MPI nor LibTorch.
std::function<int()> compare_of(std::span<const std::string> words);
std::function<int()> plan_of(std::span<const std::string> words);
std::function<int()> report_of(std::span<const std::string> words);
std::function<int()> score_of(std::span<const std::string> words);
std::function<int()> status_of(std::span<const std::string> words);

}  // namespace tradeoff::front
