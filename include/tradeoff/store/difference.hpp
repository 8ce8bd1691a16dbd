#pragma once
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"

namespace tradeoff::store {

/// What keeps two records of a run apart, one line a key, by its path: `model.sha256: "ab12"
/// before, "cd34" now`, `lora_r: absent before, 8 now`. The order of keys does not count. Empty
/// when nothing differs.
std::vector<std::string> differences(const Json& before, const Json& now);

}  // namespace tradeoff::store
