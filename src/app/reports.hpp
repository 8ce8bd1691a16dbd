#pragma once
#include <functional>
#include <span>
#include <string>

namespace tradeoff::app {

/// What `tradeoff report WORDS...`, `plan` and `compare` do, for one process; empty where --help
/// was printed. Throw config::UsageError with all faults of the words. Need neither MPI nor
/// LibTorch.
std::function<void()> report_of(std::span<const std::string> words);
std::function<void()> plan_of(std::span<const std::string> words);
std::function<void()> compare_of(std::span<const std::string> words);
/// The same of `tradeoff status`, which tells by its exit code whether the study is complete.
std::function<int()> status_of(std::span<const std::string> words);

}  // namespace tradeoff::app
