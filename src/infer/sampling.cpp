#include "tradeoff/infer/sampling.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "draw_cuda.hpp"
#include "draw_rule.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/seed.hpp"

namespace tradeoff::infer {
namespace {

using Weights = std::vector<std::uint64_t>;

// Scores below the k-th highest lose their weight.
void cut_top_k(std::span<const float> scores, std::int64_t k, Weights& weights) {
  if (k == 0 || k >= std::ssize(scores)) return;
  std::vector<float> highest(scores.begin(), scores.end());
  const auto kth = highest.begin() + (k - 1);
  std::ranges::nth_element(highest, kth, std::greater{});
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] < *kth) weights[i] = 0;
  }
}

// Tokens after likelier ones that sum to the share lose their weight; of equal ones those of lower
// id come after.
void cut_top_p(std::span<const float> scores, double top_p, Weights& weights) {
  const std::uint64_t total = std::reduce(weights.begin(), weights.end());
  const std::uint64_t share = rule::share_of(top_p, total);
  // All tokens this light sum to no more than what is cut.
  const std::uint64_t light = total < share ? 0 : (total - share) / weights.size();
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] > light) order.push_back(i);
  }
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a > b;
  });
  Weights kept(weights.size());
  std::uint64_t likelier = 0;
  for (const std::size_t i : order) {
    if (likelier >= share) break;
    kept[i] = weights[i];
    likelier += weights[i];
  }
  weights = std::move(kept);
}

}  // namespace

DrawKey draw_key(std::uint64_t sample_seed, std::uint64_t replicate_seed, std::string_view id) {
  return SeedStream(sample_seed, fmt::format("answers {} {}", replicate_seed, id)).key();
}

double uniform_draw(const DrawKey& key, std::int64_t sample, std::int64_t step) {
  const auto bits =
      philox4x32({static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(sample), 0, 0}, key);
  return (static_cast<double>(bits[0]) + 0.5) * 0x1.0p-32;
}

std::vector<std::uint64_t> draw_weights(std::span<const float> logits, const Sampling& sampling) {
  std::vector<float> scores(logits.begin(), logits.end());
  float highest = -std::numeric_limits<float>::infinity();
  for (float& score : scores) {
    score /= static_cast<float>(sampling.temperature);
    highest = std::fmax(highest, score);
  }
  Weights weights;
  weights.reserve(scores.size());
  for (const float score : scores) weights.push_back(rule::weight_of(score, highest));
  cut_top_k(scores, sampling.top_k, weights);
  if (sampling.top_p < 1) cut_top_p(scores, sampling.top_p, weights);
  return weights;
}

at::Tensor draw(const at::Tensor& logits, const Sampling& sampling, const at::Tensor& uniforms) {
  check(!sampling.greedy(), "draw: a temperature above 0 is expected");
  const std::int64_t rows = logits.size(0), columns = logits.size(1), draws = uniforms.size(1);
  check(columns <= rule::kMostTokens,
        fmt::format("sampling: a vocabulary of {} tokens; at most {} are expected", columns,
                    rule::kMostTokens));
  if (logits.is_cuda()) return cuda::draw(logits, sampling, uniforms);
  const at::Tensor from = logits.contiguous(), numbers = uniforms.contiguous();
  at::Tensor tokens = at::empty({rows, draws}, uniforms.options().dtype(c10::ScalarType::Long));
  const auto* const data = from.const_data_ptr<float>();
  const auto* const uniform = numbers.const_data_ptr<double>();
  auto* const out = tokens.mutable_data_ptr<std::int64_t>();
  at::parallel_for(0, rows, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      Weights sums =
          draw_weights({data + row * columns, static_cast<std::size_t>(columns)}, sampling);
      std::partial_sum(sums.begin(), sums.end(), sums.begin());
      for (std::int64_t n = row * draws; n < (row + 1) * draws; ++n) {
        const auto place =
            std::ranges::upper_bound(sums, rule::aim_of(uniform[n], sums.back())) - sums.begin();
        out[n] = place < columns ? place : -1;
      }
    }
  });
  return tokens;
}

}  // namespace tradeoff::infer
