#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels_cuda.cuh"
#include "ops_cuda.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/model/room.hpp"
#include "tradeoff/quant/overlap.cuh"

namespace tradeoff::model::cuda {
namespace {

constexpr int kMaxLevels = 8;

// One block a row.
template <typename T, int kCount>
__global__ void rms_norm_kernel(Rows<const T> from, const float* weight, float eps, int columns,
                                Rows<T> to) {
  // Of a model whose weights pass the cache once a step, the norm's lie far away.
  for (int i = threadIdx.x * kCount; i < columns; i += blockDim.x * kCount)
    quant::bring_near(weight + i);
  quant::wait_for_inputs();
  quant::let_next_begin();
  const T* const x = from.row(blockIdx.x);
  T* const out = to.row(blockIdx.x);
  float squares = 0;
  for (int i = threadIdx.x * kCount; i < columns; i += blockDim.x * kCount) {
    const auto values = load<kCount>(x + i);
#pragma unroll
    for (int j = 0; j < kCount; ++j) squares += to_float(values.at[j]) * to_float(values.at[j]);
  }
  const float factor = rsqrtf(block_sum(squares) / static_cast<float>(columns) + eps);
  for (int i = threadIdx.x * kCount; i < columns; i += blockDim.x * kCount) {
    const auto values = load<kCount>(x + i);
    const auto weights = load<kCount>(weight + i);
    Values<T, kCount> result;
#pragma unroll
    for (int j = 0; j < kCount; ++j)
      assign(result.at[j], to_float(values.at[j]) * factor * weights.at[j]);
    store(out + i, result);
  }
}

// One block a group of `width` neighbouring columns of a row.
template <typename T>
__global__ void norm_columns_kernel(T* x, const float* weight, float eps, std::int64_t stride,
                                    int groups, int width) {
  quant::wait_for_inputs();
  quant::let_next_begin();
  x += blockIdx.x / groups * stride + blockIdx.x % groups * width;
  float squares = 0;
  for (int i = threadIdx.x; i < width; i += blockDim.x) squares += to_float(x[i]) * to_float(x[i]);
  const float factor = rsqrtf(block_sum(squares) / static_cast<float>(width) + eps);
  for (int i = threadIdx.x; i < width; i += blockDim.x)
    assign(x[i], to_float(x[i]) * factor * weight[i]);
}

// The blocks of a token (their number in y) walk the pairs of query and key heads, then copy the
// values. kCount pairs a thread: more than one where the columns of a pair are halves of a head.
template <typename T, int kCount>
__global__ void rope_kernel(const T* qkv, const float* cos_sin, const std::int64_t* position,
                            const std::int64_t* kv_row, Rope rope, T* q, T* k, T* v) {
  quant::wait_for_inputs();
  quant::let_next_begin();
  const std::int64_t token = blockIdx.x;
  const int heads = rope.heads, kv_heads = rope.kv_heads, d = rope.d;
  const int half = rope.rotary / 2, pairs = (heads + kv_heads) * half;
  const T* const row = qkv + token * (heads + 2 * kv_heads) * d;
  const float* const angle = cos_sin + position[token] * rope.rotary;
  const std::int64_t kv = kv_row[token] * kv_heads * d;
  const auto out_of_head = [&](int head) {
    return head < heads ? q + (token * heads + head) * d : k + kv + (head - heads) * d;
  };
  const int begin = blockIdx.y * blockDim.x + threadIdx.x, step = gridDim.y * blockDim.x;
  for (int i = begin * kCount; i < pairs; i += step * kCount) {
    const int head = i / half, at = i % half, first = rope.first(at), second = rope.second(at);
    const auto a = load<kCount>(row + head * d + first), b = load<kCount>(row + head * d + second);
    const auto c = load<kCount>(angle + at), s = load<kCount>(angle + half + at);
    Values<T, kCount> turned_a, turned_b;
#pragma unroll
    for (int j = 0; j < kCount; ++j) {
      assign(turned_a.at[j], to_float(a.at[j]) * c.at[j] - to_float(b.at[j]) * s.at[j]);
      assign(turned_b.at[j], to_float(b.at[j]) * c.at[j] + to_float(a.at[j]) * s.at[j]);
    }
    T* const out = out_of_head(head);
    store(out + first, turned_a);
    store(out + second, turned_b);
  }
  const int rest = d - rope.rotary;
  for (int i = begin; i < (heads + kv_heads) * rest; i += step) {
    const int head = i / rest, at = rope.rotary + i % rest;
    out_of_head(head)[at] = row[head * d + at];
  }
  for (int i = begin * kCount; i < kv_heads * d; i += step * kCount)
    store(v + kv + i, load<kCount>(row + (heads + kv_heads) * d + i));
}

// x [rows, 2 width], out [rows, width]; kCount elements a thread, rows strided over the grid.
template <typename T, int kCount>
__global__ void gated_kernel(Rows<const T> x, Activation activation, std::int64_t rows, int width,
                             Rows<T> out) {
  quant::wait_for_inputs();
  quant::let_next_begin();
  const int column = (blockIdx.x * blockDim.x + threadIdx.x) * kCount;
  if (column >= width) return;
  for (std::int64_t row = blockIdx.y; row < rows; row += gridDim.y) {
    const T* const gate_at = x.row(row) + column;
    const auto gate = load<kCount>(gate_at), up = load<kCount>(gate_at + width);
    Values<T, kCount> product;
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const float g = to_float(gate.at[i]);
      assign(product.at[i],
             g / (1.0f + __expf(-sigmoid_input(activation, g))) * to_float(up.at[i]));
    }
    store(out.row(row) + column, product);
  }
}

// One warp a (query, head); lanes stride over the head's width, the softmax runs key by key.
template <typename T>
__global__ void attend_kernel(const T* q, const T* k, const T* v, const int* cu_q,
                              const int* k_begin, const int* k_count, const int* window_start,
                              bool causal, float scale, float cap, std::int64_t tokens, int heads,
                              int kv_heads, int d, T* out, float* lse) {
  const std::int64_t pair =
      static_cast<std::int64_t>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
  if (pair >= tokens * heads) return;
  const int token = static_cast<int>(pair / heads), head = static_cast<int>(pair % heads),
            lane = threadIdx.x % 32;
  int span = 0;
  while (cu_q[span + 1] <= token) ++span;
  const int queries = cu_q[span + 1] - cu_q[span];
  const int visible = causal ? k_count[span] - queries + (token - cu_q[span]) + 1 : k_count[span];
  constexpr int kMaxPerLane = 16;  // head widths up to 512
  float acc[kMaxPerLane] = {}, highest = -INFINITY, total = 0;
  for (int j = max(0, window_start[span] + token - cu_q[span]); j < visible; ++j) {
    const std::int64_t row =
        (static_cast<std::int64_t>(k_begin[span] + j) * kv_heads + head / (heads / kv_heads)) * d;
    float score = 0;
    for (int c = lane; c < d; c += 32) score += to_float(q[pair * d + c]) * to_float(k[row + c]);
    for (int offset = 16; offset > 0; offset /= 2)
      score += __shfl_xor_sync(0xffffffffu, score, offset);
    score *= scale;
    if (cap > 0) score = cap * tanhf(score / cap);
    const float next = fmaxf(highest, score), factor = expf(highest - next), p = expf(score - next);
    total = total * factor + p;
    highest = next;
#pragma unroll
    for (int i = 0; i < kMaxPerLane; ++i) {
      if (i * 32 + lane < d) acc[i] = acc[i] * factor + p * to_float(v[row + i * 32 + lane]);
    }
  }
#pragma unroll
  for (int i = 0; i < kMaxPerLane; ++i) {
    if (i * 32 + lane < d) assign(out[pair * d + i * 32 + lane], total > 0 ? acc[i] / total : 0.0f);
  }
  if (lane == 0) lse[head * tokens + token] = total > 0 ? highest + logf(total) : -INFINITY;
}

// The greater value, and of equal ones the one that stands first.
struct Best {
  float value;
  int index;
  __device__ void take(float other, int at) {
    if (other > value || (other == value && at < index)) *this = {other, at};
  }
};

__device__ Best best_of_block(Best best) {
  __shared__ Best warps[kThreads / 32];
  for (int offset = 16; offset > 0; offset /= 2)
    best.take(__shfl_xor_sync(0xffffffffu, best.value, offset),
              __shfl_xor_sync(0xffffffffu, best.index, offset));
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = best;
  __syncthreads();
  for (int i = 0; i < kThreads / 32; ++i) best.take(warps[i].value, warps[i].index);
  return best;
}

// Slices of a row, one a block: the best of each.
__global__ void argmax_slices_kernel(const float* logits, int columns, Best* slices) {
  quant::wait_for_inputs();
  quant::let_next_begin();
  const float* const row = logits + static_cast<std::int64_t>(blockIdx.y) * columns;
  Best best = {-INFINITY, columns};
  for (int i = blockIdx.x * kThreads + threadIdx.x; i < columns; i += gridDim.x * kThreads)
    best.take(row[i], i);
  best = best_of_block(best);
  if (threadIdx.x == 0) slices[blockIdx.y * gridDim.x + blockIdx.x] = best;
}

// One warp a row. A row without a number above -inf has its first column.
__global__ void argmax_kernel(const Best* slices, int count, int columns, std::int64_t* out) {
  quant::wait_for_inputs();
  quant::let_next_begin();
  Best best = {-INFINITY, columns};
  for (int i = threadIdx.x; i < count; i += 32)
    best.take(slices[blockIdx.x * count + i].value, slices[blockIdx.x * count + i].index);
  for (int offset = 16; offset > 0; offset /= 2)
    best.take(__shfl_xor_sync(0xffffffffu, best.value, offset),
              __shfl_xor_sync(0xffffffffu, best.index, offset));
  if (threadIdx.x == 0) out[blockIdx.x] = best.index == columns ? 0 : best.index;
}

template <typename T>
struct Partials {
  const T* out[kMaxLevels];
  const float* lse[kMaxLevels];
  int count;
};

// One warp a (token, head): weights exp(lse - max), normalised. kCount columns a lane at a time.
template <typename T, int kCount>
__global__ void merge_kernel(Partials<T> parts, std::int64_t tokens, int heads, int d, T* out) {
  const std::int64_t pair =
      static_cast<std::int64_t>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
  if (pair >= tokens * heads) return;
  const std::int64_t token = pair / heads, head = pair % heads;
  float weight[kMaxLevels], highest = -INFINITY, total = 0;
  for (int i = 0; i < parts.count; ++i) {
    const float lse = parts.lse[i][head * tokens + token];
    weight[i] = isinf(lse) ? -INFINITY : lse;
    highest = fmaxf(highest, weight[i]);
  }
  for (int i = 0; i < parts.count; ++i) {
    weight[i] = isinf(weight[i]) ? 0.0f : __expf(weight[i] - highest);
    total += weight[i];
  }
  for (int c = threadIdx.x % 32 * kCount; c < d; c += 32 * kCount) {
    float sum[kCount] = {};
    for (int i = 0; i < parts.count; ++i) {
      if (weight[i] <= 0) continue;
      const auto values = load<kCount>(parts.out[i] + pair * d + c);
#pragma unroll
      for (int j = 0; j < kCount; ++j) sum[j] += weight[i] * to_float(values.at[j]);
    }
    Values<T, kCount> result;
#pragma unroll
    for (int j = 0; j < kCount; ++j) assign(result.at[j], sum[j] / total);
    store(out + pair * d + c, result);
  }
}

}  // namespace

bool compiled() {
  return true;
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, std::int64_t room) {
  at::Tensor out = empty_with_room(x.size(0), x.size(1), room, x.options());
  if (x.size(0) == 0) return out;
  by_columns({x, out}, x.size(1), [&](auto* type, auto count, dim3) {
    quant::launch(rms_norm_kernel<std::remove_pointer_t<decltype(type)>, decltype(count)::value>,
                  static_cast<unsigned>(x.size(0)), kThreads, 0, c10::cuda::getCurrentCUDAStream(),
                  rows_in(x, type), weight.const_data_ptr<float>(), static_cast<float>(eps),
                  static_cast<int>(x.size(1)), rows_out(out, type));
  });
  return out;
}

void norm_columns_(at::Tensor& x, std::int64_t begin, std::int64_t groups, const at::Tensor& weight,
                   double eps) {
  if (x.size(0) == 0) return;
  const std::int64_t width = weight.size(0);
  dispatch(x, [&](auto* type) {
    quant::launch(norm_columns_kernel<std::remove_pointer_t<decltype(type)>>,
                  static_cast<unsigned>(x.size(0) * groups), width <= 256 ? 64 : kThreads, 0,
                  c10::cuda::getCurrentCUDAStream(), out_of(x, type) + begin,
                  weight.const_data_ptr<float>(), static_cast<float>(eps), x.stride(0),
                  static_cast<int>(groups), static_cast<int>(width));
  });
}

at::Tensor rope_scatter(const at::Tensor& qkv, const RopeShape& shape, const at::Tensor& cos_sin,
                        const at::Tensor& position, const at::Tensor& kv_row, at::Tensor& k_arena,
                        at::Tensor& v_arena) {
  at::Tensor q = at::empty({qkv.size(0), shape.heads, shape.d}, qkv.options());
  if (qkv.size(0) == 0) return q;
  // Few tokens leave most of a card idle unless each has several blocks.
  const dim3 grid(static_cast<unsigned>(qkv.size(0)), qkv.size(0) <= 64 ? 8 : 1);
  by_pairs(qkv, shape, [&](auto* type, auto count) {
    quant::launch(rope_kernel<std::remove_pointer_t<decltype(type)>, decltype(count)::value>, grid,
                  kThreads, 0, c10::cuda::getCurrentCUDAStream(), in(qkv, type),
                  cos_sin.const_data_ptr<float>(), position.const_data_ptr<std::int64_t>(),
                  kv_row.const_data_ptr<std::int64_t>(), Rope(shape), out_of(q, type),
                  out_of(k_arena, type), out_of(v_arena, type));
  });
  return q;
}

at::Tensor gated_product(const at::Tensor& x, Activation activation, std::int64_t room) {
  const std::int64_t rows = x.size(0), width = x.size(1) / 2;
  at::Tensor out = empty_with_room(rows, width, room, x.options());
  if (rows == 0) return out;
  by_columns({x, out}, width, [&](auto* type, auto count, dim3 grid) {
    quant::launch(gated_kernel<std::remove_pointer_t<decltype(type)>, decltype(count)::value>, grid,
                  kThreads, 0, c10::cuda::getCurrentCUDAStream(), rows_in(x, type), activation,
                  rows, static_cast<int>(width), rows_out(out, type));
  });
  return out;
}

at::Tensor argmax_rows(const at::Tensor& logits) {
  const std::int64_t rows = logits.size(0), columns = logits.size(1);
  check(columns < (std::int64_t{1} << 30), "argmax_rows: more than 2^30 columns");
  at::Tensor out = at::empty({rows}, logits.options().dtype(c10::ScalarType::Long));
  if (rows == 0) return out;
  constexpr std::int64_t kSlices = 32;
  at::Tensor slices = at::empty({rows * kSlices * static_cast<std::int64_t>(sizeof(Best))},
                                logits.options().dtype(c10::ScalarType::Byte));
  auto* const best = static_cast<Best*>(slices.mutable_data_ptr());
  const auto stream = c10::cuda::getCurrentCUDAStream();
  quant::launch(argmax_slices_kernel, dim3(kSlices, static_cast<unsigned>(rows)), kThreads, 0,
                stream, logits.const_data_ptr<float>(), static_cast<int>(columns), best);
  quant::launch(argmax_kernel, static_cast<unsigned>(rows), 32, 0, stream, best,
                static_cast<int>(kSlices), static_cast<int>(columns),
                out.mutable_data_ptr<std::int64_t>());
  return out;
}

std::pair<at::Tensor, at::Tensor> attend_level(const at::Tensor& q, const at::Tensor& k,
                                               const at::Tensor& v,
                                               const AttentionPattern::Offsets& offsets,
                                               bool causal, const ScoreRule& rule) {
  const std::int64_t tokens = q.size(0), heads = q.size(1), d = q.size(2);
  check(d <= 512, "head_dim over 512 is not supported on CUDA");
  at::Tensor out = at::empty_like(q),
             lse = at::empty({heads, tokens}, q.options().dtype(c10::ScalarType::Float));
  constexpr int kPairs = kThreads / 32;
  dispatch(q, [&](auto* type) {
    attend_kernel<<<(tokens * heads + kPairs - 1) / kPairs, kThreads, 0,
                    c10::cuda::getCurrentCUDAStream()>>>(
        in(q, type), in(k, type), in(v, type), offsets.cu_q.const_data_ptr<int>(),
        offsets.k_begin.const_data_ptr<int>(), offsets.k_count.const_data_ptr<int>(),
        offsets.window_start.const_data_ptr<int>(), causal, static_cast<float>(rule.scale),
        static_cast<float>(rule.cap), tokens, static_cast<int>(heads), static_cast<int>(k.size(1)),
        static_cast<int>(d), out_of(out, type), lse.mutable_data_ptr<float>());
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return {out, lse};
}

at::Tensor merge_attention(const std::vector<at::Tensor>& outs,
                           const std::vector<at::Tensor>& lses) {
  const std::int64_t tokens = outs[0].size(0), heads = outs[0].size(1), d = outs[0].size(2);
  if (outs.size() == 1) return outs[0].reshape({tokens, heads * d});
  check(outs.size() <= kMaxLevels, "more attention levels than merge_attention takes (8)");
  at::Tensor merged = at::empty({tokens, heads * d}, outs[0].options());
  constexpr int kPairs = kThreads / 32;
  dispatch(merged, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    Partials<T> parts{};
    parts.count = static_cast<int>(outs.size());
    for (std::size_t i = 0; i < outs.size(); ++i) {
      parts.out[i] = in(outs[i], type);
      parts.lse[i] = lses[i].const_data_ptr<float>();
    }
    const auto launch = [&](auto count) {
      merge_kernel<T, decltype(count)::value><<<(tokens * heads + kPairs - 1) / kPairs, kThreads, 0,
                                                c10::cuda::getCurrentCUDAStream()>>>(
          parts, tokens, static_cast<int>(heads), static_cast<int>(d), out_of(merged, type));
    };
    if (d % 4 == 0) {
      launch(std::integral_constant<int, 4>());
    } else {
      launch(std::integral_constant<int, 1>());
    }
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return merged;
}

}  // namespace tradeoff::model::cuda
