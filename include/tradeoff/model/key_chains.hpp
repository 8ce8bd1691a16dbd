#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "tradeoff/model/switches.hpp"

namespace tradeoff::model {

/// What each of R query rows sees, on the device itself, so that a step of decoding can be repeated
/// without the host: up to kLevels stretches of keys a row, in any order, all of them seen.
struct KeyChains {
  static constexpr std::int64_t kLevels = 8;
  at::Tensor begin;     // int32 [R, kLevels]: rows of the arena
  at::Tensor count;     // int32 [R, kLevels]; 0: no stretch
  at::Tensor position;  // int32 [R, kLevels]: of the first key in its text, for windows
};

/// Whether attend_chains computes on `device` with heads of width d: CUDA, and d of 64, 128, 256.
bool takes_chains(c10::Device device, std::int64_t d);

/// softmax(rule(q kᵀ)) v over the keys each row sees. q [R, H, d] at `query_position` int64 [R]; k,
/// v [S, G, d], H a multiple of G, float32 or bfloat16; → [R, H·d]. Every row must see a key. Sums
/// in float; the result depends on R, not on the other rows. No copy to or from the host.
at::Tensor attend_chains(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                         const KeyChains& chains, const at::Tensor& query_position,
                         const ScoreRule& rule);

}  // namespace tradeoff::model
