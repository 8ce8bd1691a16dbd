#pragma once
#include <cstdint>

#include "tradeoff/base/json.hpp"
#include "tradeoff/model/config.hpp"

namespace tradeoff::model {

/// The rotation that transformers makes of `parameters` ("rope_theta", "rope_type" and what that
/// type needs) for heads whose first `rotary` columns turn (modeling_rope_utils.py). Types:
/// default, linear, dynamic, llama3, yarn, longrope. Those that change with the length of the text
/// are bounded by the positions for which they do not. Throws Error naming the key.
Rope make_rope(const Json& parameters, std::int64_t rotary, std::int64_t max_position_embeddings);

}  // namespace tradeoff::model
