#pragma once
#include <functional>
#include <span>
#include <string>

namespace tradeoff::app {

/// What `tradeoff score WORDS...` does, for one process; empty where --help was printed. Throws
/// config::UsageError with all faults of the words. Needs neither MPI nor LibTorch.
std::function<void()> score_of(std::span<const std::string> words);

}  // namespace tradeoff::app
