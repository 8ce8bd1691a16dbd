#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tradeoff::infer {

/// How the next token is chosen. The cuts are those of transformers' logits warpers in their order:
/// temperature, top-k, top-p.
struct Sampling {
  // Logits are divided by it; 0: the likeliest token (greedy), and nothing else here is read.
  double temperature = 0;
  // Tokens less likely than the k-th likeliest are left out (as likely ones stay); 0: none.
  std::int64_t top_k = 0;
  // The likeliest tokens whose probabilities before them sum to less than this are kept, at least
  // one, in (0, 1]; of equally likely ones at the border those of higher id; 1: all.
  double top_p = 1;
  // Answers to each prompt.
  std::int64_t samples = 1;

  bool greedy() const { return temperature == 0; }
  bool operator==(const Sampling&) const = default;
};

/// The key of the draws of one item's answers: a function of (sample seed, replicate seed, id).
using DrawKey = std::array<std::uint32_t, 2>;
DrawKey draw_key(std::uint64_t sample_seed, std::uint64_t replicate_seed, std::string_view id);
/// The draw of an answer's step: uniform in (0, 1), a multiple of 2^-33. It depends on nothing
/// else.
double uniform_draw(const DrawKey& key, std::int64_t sample, std::int64_t step);

/// What each token weighs in a draw after temperature, top-k and top-p: exp(score - highest score)
/// in units of 2^-44, 0 where it is cut; `logits` of one row, on the CPU.
std::vector<std::uint64_t> draw_weights(std::span<const float> logits, const Sampling& sampling);
/// The tokens that draws fall on: logits float32 [R, V], V at most 2^19, uniforms float64 [R, N] in
/// (0, 1) on their device, `sampling` not greedy → int64 [R, N]. By rising id the first token whose
/// running sum of weights is above uniform · sum; -1 where no logit is a finite number. The same on
/// all devices, and a row's draws do not depend on the rows beside it.
at::Tensor draw(const at::Tensor& logits, const Sampling& sampling, const at::Tensor& uniforms);

}  // namespace tradeoff::infer
