#include "tradeoff/infer/sampling.hpp"

#include <ATen/ops/any.h>
#include <ATen/ops/cumsum.h>
#include <ATen/ops/div.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/logical_and.h>
#include <ATen/ops/lt.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/topk.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/seed.hpp"

namespace tradeoff::infer {
namespace {

constexpr auto kDouble = c10::ScalarType::Double;
// The likeliest tokens that are looked at first; where a row's top-p needs more, so many times
// more.
constexpr std::int64_t kFirstLook = 256, kFurther = 16;

// One row alone would be summed in an order that CUDA does not fix.
at::Tensor running_sums(const at::Tensor& rows) {
  if (rows.size(0) != 1) return at::cumsum(rows, 1, kDouble);
  return at::cumsum(rows.expand({2, -1}), 1, kDouble).narrow(0, 0, 1);
}

void cut_top_k(at::Tensor& scores, std::int64_t k) {
  if (k == 0 || k >= scores.size(1)) return;
  const at::Tensor border = std::get<0>(at::topk(scores, k, 1)).amin(1, true);
  scores.masked_fill_(at::lt(scores, border), -std::numeric_limits<float>::infinity());
}

// The likeliest `count` tokens of each row by rising score, equal ones by rising id.
at::Tensor likeliest(const at::Tensor& scores, std::int64_t count) {
  const at::Tensor found = std::get<1>(at::topk(scores, count, 1, true, /*sorted=*/false));
  const at::Tensor ids = std::get<0>(at::sort(found, /*dim=*/1, /*descending=*/false));
  const std::optional<bool> stable = true;
  const auto rising =
      std::get<1>(at::sort(at::gather(scores, 1, ids), stable, /*dim=*/1, /*descending=*/false));
  return at::gather(ids, 1, rising);
}

Candidates cut_top_p(const at::Tensor& scores, double top_p) {
  const at::Tensor probabilities = at::softmax(scores, 1);
  for (std::int64_t count = kFirstLook;; count *= kFurther) {
    count = std::min(count, scores.size(1));
    const at::Tensor ids = likeliest(scores, count);
    at::Tensor weights = at::gather(probabilities, 1, ids).to(kDouble);
    const at::Tensor sums = running_sums(weights);
    const at::Tensor likelier = at::sub(sums.narrow(1, count - 1, 1), sums);
    const at::Tensor kept = at::lt(likelier, top_p);
    // Tokens as likely as the last one looked at may stand outside: none of them may be kept.
    const at::Tensor values = at::gather(scores, 1, ids);
    const at::Tensor at_border = at::eq(values, values.narrow(1, 0, 1));
    if (count < scores.size(1) && at::any(at::logical_and(kept, at_border)).item<bool>()) continue;
    weights.masked_fill_(kept.logical_not(), 0);
    // Summed by id: tokens that are nearly as likely as each other change places by score with the
    // last bits of the logits, and a draw would fall on another one.
    const auto [by_id, places] = at::sort(ids, /*dim=*/1, /*descending=*/false);
    return {by_id, running_sums(at::gather(weights, 1, places))};
  }
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

Candidates candidates(const at::Tensor& logits, const Sampling& sampling) {
  check(!sampling.greedy(), "candidates: a temperature above 0 is expected");
  at::Tensor scores = at::div(logits, sampling.temperature);
  cut_top_k(scores, sampling.top_k);
  if (sampling.top_p < 1) return cut_top_p(scores, sampling.top_p);
  return {{}, running_sums(at::softmax(scores, 1))};
}

at::Tensor draw(const Candidates& candidates, const at::Tensor& uniforms) {
  const at::Tensor& sums = candidates.cumulative;
  const at::Tensor aim = at::mul(uniforms, sums.narrow(1, sums.size(1) - 1, 1));
  // The first token whose sum is above: one of weight 0 never is.
  const at::Tensor place = at::searchsorted(sums.contiguous(), aim, false, /*right=*/true);
  return candidates.ids.defined() ? at::gather(candidates.ids, 1, place) : place;
}

}  // namespace tradeoff::infer
