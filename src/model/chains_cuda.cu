// Attention of single queries whose keys lie in several stretches of the arena. Blocks of one row,
// a few heads of one key head and a slice of the keys; then the slices are merged.
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>

#include "kernels_cuda.cuh"
#include "tradeoff/model/key_chains.hpp"
#include "tradeoff/quant/overlap.cuh"

namespace tradeoff::model {
namespace {

using cuda::assign;
using cuda::load;
using cuda::to_float;

constexpr int kLevels = KeyChains::kLevels;
constexpr int kWarp = 32, kWarps = 4;
constexpr int kLanes = 8;                        // of one key
constexpr int kSlots = kWarps * kWarp / kLanes;  // keys that a block reads at once
constexpr int kMostSlices = 16;                  // a warp weighs them
// About two for each of a large card's processors: more slices cost more to merge than they save.
constexpr int kBlocks = 256;

struct Shape {
  int heads, kv_heads, head_blocks, slices;
  float scale, cap;
  std::int64_t window;
};

// The stretches that a row still sees, one behind the other.
struct Chain {
  int row[kLevels], first[kLevels + 1];
};

__device__ void read_chain(const int* begin, const int* count, const int* position,
                           std::int64_t query, std::int64_t window, Chain& chain) {
  int total = 0;
  for (int i = 0; i < kLevels; ++i) {
    std::int64_t hidden = window > 0 ? query - window + 1 - position[i] : 0;
    hidden = hidden < 0 ? 0 : hidden > count[i] ? count[i] : hidden;
    chain.row[i] = begin[i] + static_cast<int>(hidden);
    chain.first[i] = total;
    total += count[i] - static_cast<int>(hidden);
  }
  chain.first[kLevels] = total;
}

// Softmax of some keys so far: greatest score, sum of exp(score - greatest), and that sum of v.
template <int kPer>
struct Running {
  float highest = -INFINITY, total = 0, out[kPer] = {};
  __device__ void rescale(float to) {
    const float factor = highest == to ? 1.0f : __expf(highest - to);
    total *= factor;
#pragma unroll
    for (int i = 0; i < kPer; ++i) out[i] *= factor;
    highest = to;
  }
};

template <int kPer, typename T>
__device__ void load_floats(const T* from, float (&to)[kPer]) {
  constexpr int kChunk = 16 / sizeof(T);
#pragma unroll
  for (int i = 0; i < kPer; i += kChunk) {
    const auto values = load<kChunk>(from + i);
#pragma unroll
    for (int j = 0; j < kChunk; ++j) to[i + j] = to_float(values.at[j]);
  }
}

// kPer columns of a head a lane, kHeads query heads a block. Writes out, or where there is more
// than one slice the slice's own result and the log of its softmax's denominator.
template <typename T, int kPer, int kHeads>
__global__ void __launch_bounds__(kWarps* kWarp)
    chain_kernel(const T* q, const T* k, const T* v, const int* begin, const int* count,
                 const int* position, const std::int64_t* query_position, Shape shape, T* out,
                 float* slice_out, float* slice_lse) {
  quant::wait_for_inputs();
  quant::let_next_begin();
  constexpr int kWidth = kPer * kLanes;
  __shared__ Chain chain;
  __shared__ float outs[kWarps][kHeads][kWidth], highests[kWarps][kHeads], totals[kWarps][kHeads];
  const int row = blockIdx.z, slice = blockIdx.x, kv_head = blockIdx.y / shape.head_blocks;
  const int group = shape.heads / shape.kv_heads;
  const int first_head = kv_head * group + blockIdx.y % shape.head_blocks * kHeads;
  const int heads = min(kHeads, (kv_head + 1) * group - first_head);
  if (threadIdx.x == 0) {
    const int at = row * kLevels;
    read_chain(begin + at, count + at, position + at, query_position[row], shape.window, chain);
  }
  __syncthreads();
  const int total = chain.first[kLevels];
  int span = (total + shape.slices - 1) / shape.slices;
  span = (span + kSlots - 1) / kSlots * kSlots;
  const int end = min(total, (slice + 1) * span);
  const int lane = threadIdx.x % kLanes, slot = threadIdx.x / kLanes;
  float query[kHeads][kPer];
#pragma unroll
  for (int h = 0; h < kHeads; ++h) {
    const int head = first_head + min(h, heads - 1);
    load_floats(q + (static_cast<std::int64_t>(row) * shape.heads + head) * kWidth + lane * kPer,
                query[h]);
  }
  Running<kPer> running[kHeads];
  int level = 0;
  for (int i = slice * span + slot; i < end; i += kSlots) {
    while (i >= chain.first[level + 1]) ++level;
    const std::int64_t at =
        (static_cast<std::int64_t>(chain.row[level] + i - chain.first[level]) * shape.kv_heads +
         kv_head) *
            kWidth +
        lane * kPer;
    float key[kPer], value[kPer];
    load_floats(k + at, key);
    load_floats(v + at, value);
#pragma unroll
    for (int h = 0; h < kHeads; ++h) {
      float score = 0;
#pragma unroll
      for (int c = 0; c < kPer; ++c) score += query[h][c] * key[c];
      // The lanes of a key alone: those of another may have no key left.
      const unsigned lanes = 0xffu << (threadIdx.x % kWarp / kLanes * kLanes);
#pragma unroll
      for (int offset = kLanes / 2; offset > 0; offset /= 2)
        score += __shfl_xor_sync(lanes, score, offset);
      score *= shape.scale;
      if (shape.cap > 0) score = shape.cap * tanhf(score / shape.cap);
      Running<kPer>& own = running[h];
      if (score > own.highest) own.rescale(score);
      const float weight = __expf(score - own.highest);
      own.total += weight;
#pragma unroll
      for (int c = 0; c < kPer; ++c) own.out[c] += weight * value[c];
    }
  }
  // The keys of a warp, then the warps.
  const int warp = threadIdx.x / kWarp;
#pragma unroll
  for (int h = 0; h < kHeads; ++h) {
    Running<kPer>& own = running[h];
    float highest = own.highest;
#pragma unroll
    for (int offset = kLanes; offset < kWarp; offset *= 2)
      highest = fmaxf(highest, __shfl_xor_sync(0xffffffffu, highest, offset));
    own.rescale(highest);
#pragma unroll
    for (int offset = kLanes; offset < kWarp; offset *= 2) {
      own.total += __shfl_xor_sync(0xffffffffu, own.total, offset);
#pragma unroll
      for (int c = 0; c < kPer; ++c) own.out[c] += __shfl_xor_sync(0xffffffffu, own.out[c], offset);
    }
    if (threadIdx.x % kWarp < kLanes) {
#pragma unroll
      for (int c = 0; c < kPer; ++c) outs[warp][h][lane * kPer + c] = own.out[c];
      highests[warp][h] = highest;
      totals[warp][h] = own.total;
    }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < heads * kWidth; i += blockDim.x) {
    const int h = i / kWidth, c = i % kWidth;
    float highest = -INFINITY, sum = 0, all = 0;
    for (int w = 0; w < kWarps; ++w) highest = fmaxf(highest, highests[w][h]);
    for (int w = 0; w < kWarps; ++w) {
      const float factor = isinf(highests[w][h]) ? 0.0f : __expf(highests[w][h] - highest);
      all += factor * totals[w][h];
      sum += factor * outs[w][h][c];
    }
    const std::int64_t head = static_cast<std::int64_t>(row) * shape.heads + first_head + h;
    const float result = all > 0 ? sum / all : 0.0f;
    if (shape.slices == 1) {
      assign(out[head * kWidth + c], result);
      continue;
    }
    slice_out[(head * shape.slices + slice) * kWidth + c] = result;
    if (c == 0) slice_lse[head * shape.slices + slice] = all > 0 ? highest + logf(all) : -INFINITY;
  }
}

// One block a (row, head): the first warp weighs the slices, then each thread sums its columns.
template <typename T>
__global__ void merge_slices_kernel(const float* slice_out, const float* slice_lse, int slices,
                                    int width, T* out) {
  quant::wait_for_inputs();
  quant::let_next_begin();
  __shared__ float weights[kWarp];
  const std::int64_t head = blockIdx.x;
  if (threadIdx.x < kWarp) {
    const int i = threadIdx.x;
    const float lse = i < slices ? slice_lse[head * slices + i] : -INFINITY;
    float highest = lse;
    for (int offset = kWarp / 2; offset > 0; offset /= 2)
      highest = fmaxf(highest, __shfl_xor_sync(0xffffffffu, highest, offset));
    const float weight = isinf(lse) ? 0.0f : __expf(lse - highest);
    float total = weight;
    for (int offset = kWarp / 2; offset > 0; offset /= 2)
      total += __shfl_xor_sync(0xffffffffu, total, offset);
    weights[i] = weight / total;
  }
  __syncthreads();
  for (int c = threadIdx.x; c < width; c += blockDim.x) {
    float sum = 0;
    for (int i = 0; i < slices; ++i) sum += weights[i] * slice_out[(head * slices + i) * width + c];
    assign(out[head * width + c], sum);
  }
}

// Calls work(columns a lane, heads a block) as constants: what the registers hold.
template <typename Work>
void by_width(std::int64_t d, const Work& work) {
  if (d == 64) work(std::integral_constant<int, 8>(), std::integral_constant<int, 4>());
  if (d == 128) work(std::integral_constant<int, 16>(), std::integral_constant<int, 4>());
  if (d == 256) work(std::integral_constant<int, 32>(), std::integral_constant<int, 1>());
}

}  // namespace

bool takes_chains(c10::Device device, std::int64_t d) {
  return device.is_cuda() && (d == 64 || d == 128 || d == 256);
}

at::Tensor attend_chains(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                         const KeyChains& chains, const at::Tensor& query_position,
                         const ScoreRule& rule) {
  const std::int64_t rows = q.size(0), heads = q.size(1), d = q.size(2), kv_heads = k.size(1);
  check(takes_chains(q.device(), d), "attend_chains: a device or head width that it does not take");
  at::Tensor out = at::empty({rows, heads * d}, q.options());
  by_width(d, [&](auto per, auto block_heads) {
    constexpr int kHeads = decltype(block_heads)::value;
    Shape shape;
    shape.heads = static_cast<int>(heads);
    shape.kv_heads = static_cast<int>(kv_heads);
    shape.head_blocks = (shape.heads / shape.kv_heads + kHeads - 1) / kHeads;
    const int blocks = shape.kv_heads * shape.head_blocks;
    shape.slices = std::clamp(kBlocks / static_cast<int>(rows * blocks), 1, kMostSlices);
    shape.scale = static_cast<float>(rule.scale);
    shape.cap = static_cast<float>(rule.cap);
    shape.window = rule.window;
    const auto floats = q.options().dtype(c10::ScalarType::Float);
    const std::int64_t parts = shape.slices > 1 ? rows * heads * shape.slices : 0;
    const at::Tensor slice_out = at::empty({parts, d}, floats),
                     slice_lse = at::empty({parts}, floats);
    cuda::dispatch(q, [&](auto* type) {
      using T = std::remove_pointer_t<decltype(type)>;
      const auto stream = c10::cuda::getCurrentCUDAStream();
      const dim3 grid(shape.slices, blocks, static_cast<unsigned>(rows));
      quant::launch(chain_kernel<T, decltype(per)::value, kHeads>, grid, kWarps * kWarp, 0, stream,
                    cuda::in(q, type), cuda::in(k, type), cuda::in(v, type),
                    chains.begin.const_data_ptr<int>(), chains.count.const_data_ptr<int>(),
                    chains.position.const_data_ptr<int>(),
                    query_position.const_data_ptr<std::int64_t>(), shape, cuda::out_of(out, type),
                    slice_out.mutable_data_ptr<float>(), slice_lse.mutable_data_ptr<float>());
      if (shape.slices == 1) return;
      quant::launch(merge_slices_kernel<T>, static_cast<unsigned>(rows * heads), 128, 0, stream,
                    slice_out.const_data_ptr<float>(), slice_lse.const_data_ptr<float>(),
                    shape.slices, static_cast<int>(d), cuda::out_of(out, type));
    });
  });
  return out;
}

}  // namespace tradeoff::model
