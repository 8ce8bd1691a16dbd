#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tradeoff/model/config.hpp"

namespace tradeoff::model {

struct WeightShape {
  std::string name;
  std::vector<std::int64_t> shape;  // [out, in], [vocab, hidden] or [hidden]
};

/// Every tensor of a LlamaForCausalLM of this shape, in transformers' order. lm_head.weight only
/// where it is not tied.
std::vector<WeightShape> weight_shapes(const LlamaConfig& config);

}  // namespace tradeoff::model
