#pragma once

namespace tradeoff::app {

/// Exit codes, beside comm::kRunAgain (85): anything that is not listed is a failure too.
inline constexpr int kComplete = 0, kFailed = 1, kUsage = 2;

}  // namespace tradeoff::app
