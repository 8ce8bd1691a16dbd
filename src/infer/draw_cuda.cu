// Draws without sorting: a block finds where its row is cut by narrowing the border's score four
// bits at a time, each time summing the weights of the sixteen parts; then each draw walks the
// running sums of the stretch it falls into. Sums are whole numbers, so no order of theirs matters.
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include <cmath>

#include "draw_cuda.hpp"
#include "draw_rule.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::infer::cuda {
namespace {

using Weight = unsigned long long;

constexpr int kThreads = 1024, kWarps = kThreads / 32;
constexpr int kDigitBits = 4, kDigits = 1 << kDigitBits;

struct Scratch {
  Weight sums[kWarps][kDigits];
  Weight total[kDigits];
  float highest[kWarps];
};

struct Row {
  const float* logits;
  int columns;
  float temperature;
  float highest = 0;
  __device__ float score(int i) const { return logits[i] / temperature; }
  __device__ std::uint32_t key(int i) const { return rule::key_of(score(i)); }
  __device__ Weight weight(int i) const { return rule::weight_of(score(i), highest); }
};

// What is kept: scores above the border's, and those equal to it from an id on.
struct Border {
  std::uint32_t key = 0;
  int id = 0;
  __device__ bool keeps(std::uint32_t of, int i) const {
    return of > key || (of == key && i >= id);
  }
};

__device__ Weight sum_of_warp(Weight value) {
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(~0u, value, offset);
  return value;
}

__device__ float highest_of(const Row& row, Scratch& scratch) {
  float highest = -INFINITY;
  for (int i = threadIdx.x; i < row.columns; i += kThreads) highest = fmaxf(highest, row.score(i));
  for (int offset = 16; offset > 0; offset /= 2)
    highest = fmaxf(highest, __shfl_xor_sync(~0u, highest, offset));
  if (threadIdx.x % 32 == 0) scratch.highest[threadIdx.x / 32] = highest;
  __syncthreads();
  highest = scratch.highest[0];
  for (int i = 1; i < kWarps; ++i) highest = fmaxf(highest, scratch.highest[i]);
  return highest;
}

// Sums over the block to scratch.total.
__device__ void add_up(Weight (&sums)[kDigits], Scratch& scratch) {
#pragma unroll
  for (int d = 0; d < kDigits; ++d) {
    const Weight sum = sum_of_warp(sums[d]);
    if (threadIdx.x % 32 == 0) scratch.sums[threadIdx.x / 32][d] = sum;
  }
  __syncthreads();
  if (threadIdx.x < kDigits) {
    Weight sum = 0;
    for (int i = 0; i < kWarps; ++i) sum += scratch.sums[i][threadIdx.x];
    scratch.total[threadIdx.x] = sum;
  }
  __syncthreads();
}

struct Found {
  std::uint32_t key = 0;
  Weight above = 0;   // sum of what has a higher key
  Weight at = 0;      // and of what has this one
  Weight target = 0;  // above < target
};

// The lowest key such that what stands above it sums to less than target_of(sum of all).
template <typename KeyOf, typename WeightOf, typename TargetOf>
__device__ Found lowest_below(int columns, const KeyOf& key_of, const WeightOf& weight_of,
                              const TargetOf& target_of, Scratch& scratch) {
  Found found;
  for (int shift = 32 - kDigitBits; shift >= 0; shift -= kDigitBits) {
    const bool first = shift + kDigitBits == 32;
    Weight sums[kDigits] = {};
    for (int i = threadIdx.x; i < columns; i += kThreads) {
      const std::uint32_t key = key_of(i);
      if (!first && (key ^ found.key) >> (shift + kDigitBits) != 0) continue;
      const Weight weight = weight_of(i);
      const int digit = static_cast<int>(key >> shift) & (kDigits - 1);
#pragma unroll
      for (int d = 0; d < kDigits; ++d) sums[d] += d == digit ? weight : 0;
    }
    add_up(sums, scratch);
    if (first) {
      Weight all = 0;
      for (int d = 0; d < kDigits; ++d) all += scratch.total[d];
      found.target = target_of(all);
    }
    int digit = kDigits - 1;
    for (; digit > 0 && found.above + scratch.total[digit] < found.target; --digit)
      found.above += scratch.total[digit];
    found.at = scratch.total[digit];
    found.key |= static_cast<std::uint32_t>(digit) << shift;
    __syncthreads();  // scratch is written anew
  }
  return found;
}

__device__ Border cut_top_k(const Row& row, std::int64_t k, Scratch& scratch) {
  const auto one = [](int) { return Weight{1}; };
  const auto count = [&](Weight) { return static_cast<Weight>(k); };
  const auto key = [&](int i) { return row.key(i); };
  return {lowest_below(row.columns, key, one, count, scratch).key, 0};
}

__device__ Border cut_top_p(const Row& row, const Border& top_k, double top_p, Scratch& scratch) {
  const auto key = [&](int i) { return row.key(i); };
  const auto weight = [&](int i) { return top_k.keeps(row.key(i), i) ? row.weight(i) : Weight{0}; };
  const auto share = [&](Weight all) { return static_cast<Weight>(rule::share_of(top_p, all)); };
  const Found border = lowest_below(row.columns, key, weight, share, scratch);
  // Of equal scores those of the highest ids, as many as are needed.
  const Weight each = rule::weight_of(rule::score_of(border.key), row.highest);
  if (each == 0 || border.at <= each) return {border.key, 0};
  const Weight needed = (border.target - border.above + each - 1) / each;
  if (needed * each >= border.at) return {border.key, 0};
  const auto id = [](int i) { return static_cast<std::uint32_t>(i); };
  const auto equal = [&](int i) { return Weight{row.key(i) == border.key}; };
  const auto count = [&](Weight) { return needed; };
  const Found lowest = lowest_below(row.columns, id, equal, count, scratch);
  return {border.key, static_cast<int>(lowest.key)};
}

// The first token of a warp's stretch [begin, end) whose running sum, from `before` on, is above.
__device__ int walk(const Row& row, const Border& border, int begin, int end, Weight before,
                    Weight aim) {
  const int lane = threadIdx.x % 32;
  for (int first = begin; first < end; first += 32) {
    const int i = first + lane;
    Weight sum = i < end && border.keeps(row.key(i), i) ? row.weight(i) : 0;
    for (int offset = 1; offset < 32; offset *= 2) {
      const Weight lower = __shfl_up_sync(~0u, sum, offset);
      if (lane >= offset) sum += lower;
    }
    const unsigned above = __ballot_sync(~0u, before + sum > aim);
    if (above != 0) return first + __ffs(above) - 1;
    before += __shfl_sync(~0u, sum, 31);
  }
  return -1;
}

// One block a row, `draws` tokens each.
__global__ void __launch_bounds__(kThreads)
    draw_kernel(const float* logits, int columns, float temperature, std::int64_t k, double top_p,
                const double* uniforms, int draws, std::int64_t* tokens) {
  __shared__ Scratch scratch;
  Row row{logits + static_cast<std::int64_t>(blockIdx.x) * columns, columns, temperature};
  row.highest = highest_of(row, scratch);
  Border border;
  if (k > 0 && k < columns) border = cut_top_k(row, k, scratch);
  if (top_p < 1) border = cut_top_p(row, border, top_p, scratch);

  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int stretch = (columns + kWarps - 1) / kWarps;
  const int begin = min(columns, warp * stretch), end = min(columns, begin + stretch);
  Weight own = 0;
  for (int i = begin + lane; i < end; i += 32)
    own += border.keeps(row.key(i), i) ? row.weight(i) : 0;
  own = sum_of_warp(own);
  if (lane == 0) scratch.sums[warp][0] = own;
  __syncthreads();
  Weight before = 0, total = 0;
  for (int i = 0; i < kWarps; ++i) {
    if (i == warp) before = total;
    total += scratch.sums[i][0];
  }
  for (int n = 0; n < draws; ++n) {
    const std::int64_t place = static_cast<std::int64_t>(blockIdx.x) * draws + n;
    const Weight aim = rule::aim_of(uniforms[place], total);
    if (total == 0 && threadIdx.x == 0) tokens[place] = -1;
    if (aim < before || aim >= before + own) continue;
    const int token = walk(row, border, begin, end, before, aim);
    if (lane == 0) tokens[place] = token;
  }
}

}  // namespace

at::Tensor draw(const at::Tensor& logits, const Sampling& sampling, const at::Tensor& uniforms) {
  const at::Tensor rows = logits.contiguous(), numbers = uniforms.contiguous();
  at::Tensor tokens = at::empty(numbers.sizes(), numbers.options().dtype(c10::ScalarType::Long));
  if (tokens.numel() == 0) return tokens;
  draw_kernel<<<static_cast<unsigned>(rows.size(0)), kThreads, 0,
                c10::cuda::getCurrentCUDAStream()>>>(
      rows.const_data_ptr<float>(), static_cast<int>(rows.size(1)),
      static_cast<float>(sampling.temperature), sampling.top_k, sampling.top_p,
      numbers.const_data_ptr<double>(), static_cast<int>(numbers.size(1)),
      tokens.mutable_data_ptr<std::int64_t>());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return tokens;
}

}  // namespace tradeoff::infer::cuda
