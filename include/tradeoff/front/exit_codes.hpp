#pragma once

namespace tradeoff::front {

/// Exit codes, beside comm::kRunAgain (85): anything that is not listed is a failure too.
inline constexpr int kComplete = 0, kFailed = 1, kUsage = 2;
/// Of `status`: the study is sound and not yet complete. Of `run --until`: the rule is not met.
inline constexpr int kNotComplete = 3;

}  // namespace tradeoff::front
