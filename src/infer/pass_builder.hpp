#pragma once
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "tradeoff/model/decoder.hpp"

namespace tradeoff::infer {

/// int64 [n] on `device`.
inline at::Tensor ids_tensor(const std::vector<std::int64_t>& values, c10::Device device) {
  return at::tensor(values, at::TensorOptions(c10::ScalarType::Long)).to(device);
}

/// Collects the tokens of one pass on the host.
struct PassBuilder {
  std::vector<std::int64_t> ids, position, kv_row, out_rows;

  model::Pass finish(std::vector<model::SpanLevel> levels, c10::Device device) const {
    std::erase_if(levels, [](const model::SpanLevel& level) { return level.spans.empty(); });
    const std::int64_t last = position.empty() ? 0 : *std::ranges::max_element(position);
    return {ids_tensor(ids, device),
            ids_tensor(position, device),
            ids_tensor(kv_row, device),
            ids_tensor(out_rows, device),
            last,
            model::AttentionPattern(std::move(levels), static_cast<std::int64_t>(ids.size()),
                                    device, position)};
  }
};

}  // namespace tradeoff::infer
