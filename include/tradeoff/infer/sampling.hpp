#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string_view>

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

/// What may come next, by row: K tokens and the running sums of their weights.
struct Candidates {
  at::Tensor ids;         // int64 [R, K], rising; undefined: column k is token k
  at::Tensor cumulative;  // float64 [R, K]; a token that is cut adds 0
};
/// After temperature, top-k and top-p; logits float32 [R, V], `sampling` not greedy. A row's
/// candidates do not depend on the rows beside it.
Candidates candidates(const at::Tensor& logits, const Sampling& sampling);
/// The tokens that draws fall on: uniforms float64 [R, N], on the candidates' device → int64 [R,
/// N].
at::Tensor draw(const Candidates& candidates, const at::Tensor& uniforms);

}  // namespace tradeoff::infer
