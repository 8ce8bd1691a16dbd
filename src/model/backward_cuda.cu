#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels_cuda.cuh"
#include "ops_cuda.hpp"
#include "tradeoff/model/room.hpp"

namespace tradeoff::model::cuda {
namespace {

// y = x f w with f = 1 / sqrt(mean(x²) + eps): dx = w dy f - x f³ mean(x w dy), plus `add` where it
// is given.
template <typename T, int kCount>
__global__ void rms_norm_backward_kernel(Rows<const T> x_rows, const float* weight, float eps,
                                         Rows<const T> dy_rows, Rows<const T> add_rows, int columns,
                                         Rows<T> dx_rows) {
  const T* const x = x_rows.row(blockIdx.x);
  const T* const dy = dy_rows.row(blockIdx.x);
  const T* const add = add_rows.first ? add_rows.row(blockIdx.x) : nullptr;
  T* const dx = dx_rows.row(blockIdx.x);
  float squares = 0, dots = 0;
  for (int i = threadIdx.x * kCount; i < columns; i += blockDim.x * kCount) {
    const auto values = load<kCount>(x + i), grads = load<kCount>(dy + i);
    const auto weights = load<kCount>(weight + i);
#pragma unroll
    for (int j = 0; j < kCount; ++j) {
      const float v = to_float(values.at[j]);
      squares += v * v;
      dots += v * weights.at[j] * to_float(grads.at[j]);
    }
  }
  squares = block_sum(squares);
  __syncthreads();  // block_sum's memory is used again
  dots = block_sum(dots);
  const float count = static_cast<float>(columns), factor = rsqrtf(squares / count + eps);
  const float pull = dots * factor * factor * factor / count;
  for (int i = threadIdx.x * kCount; i < columns; i += blockDim.x * kCount) {
    const auto values = load<kCount>(x + i), grads = load<kCount>(dy + i);
    const auto weights = load<kCount>(weight + i);
    Values<T, kCount> others{}, result;
    if (add) others = load<kCount>(add + i);
#pragma unroll
    for (int j = 0; j < kCount; ++j) {
      const float grad =
          weights.at[j] * to_float(grads.at[j]) * factor - to_float(values.at[j]) * pull;
      assign(result.at[j], add ? to_float(others.at[j]) + grad : grad);
    }
    store(dx + i, result);
  }
}

// Gradient of norm_columns_kernel at x; dy becomes it.
template <typename T>
__global__ void norm_columns_backward_kernel(Rows<const T> x_rows, Rows<T> dy_rows,
                                             const float* weight, float eps, int groups,
                                             int width) {
  const int offset = blockIdx.x % groups * width;
  const T* const x = x_rows.row(blockIdx.x / groups) + offset;
  T* const dy = dy_rows.row(blockIdx.x / groups) + offset;
  float squares = 0, dots = 0;
  for (int i = threadIdx.x; i < width; i += blockDim.x) {
    const float v = to_float(x[i]);
    squares += v * v;
    dots += v * weight[i] * to_float(dy[i]);
  }
  squares = block_sum(squares);
  __syncthreads();  // block_sum's memory is used again
  dots = block_sum(dots);
  const float count = static_cast<float>(width), factor = rsqrtf(squares / count + eps);
  const float pull = dots * factor * factor * factor / count;
  for (int i = threadIdx.x; i < width; i += blockDim.x)
    assign(dy[i], weight[i] * to_float(dy[i]) * factor - to_float(x[i]) * pull);
}

// The inverse rotation of rope_kernel; one block a token.
template <typename Grad, typename T, int kCount>
__global__ void rope_backward_kernel(const Grad* dq, const Grad* dk, const Grad* dv,
                                     const float* cos_sin, const std::int64_t* position,
                                     const std::int64_t* kv_row, Rope rope, Rows<T> dqkv) {
  const std::int64_t token = blockIdx.x;
  const int heads = rope.heads, kv_heads = rope.kv_heads, d = rope.d;
  const int half = rope.rotary / 2, pairs = (heads + kv_heads) * half;
  T* const row = dqkv.row(token);
  const float* const angle = cos_sin + position[token] * rope.rotary;
  const std::int64_t kv = kv_row[token] * kv_heads * d;
  const auto grad_of_head = [&](int head) {
    return head < heads ? dq + (token * heads + head) * d : dk + kv + (head - heads) * d;
  };
  for (int i = threadIdx.x * kCount; i < pairs; i += blockDim.x * kCount) {
    const int head = i / half, at = i % half, first = rope.first(at), second = rope.second(at);
    const Grad* const grad = grad_of_head(head);
    const auto a = load<kCount>(grad + first), b = load<kCount>(grad + second);
    const auto c = load<kCount>(angle + at), s = load<kCount>(angle + half + at);
    Values<T, kCount> turned_a, turned_b;
#pragma unroll
    for (int j = 0; j < kCount; ++j) {
      assign(turned_a.at[j], to_float(a.at[j]) * c.at[j] + to_float(b.at[j]) * s.at[j]);
      assign(turned_b.at[j], to_float(b.at[j]) * c.at[j] - to_float(a.at[j]) * s.at[j]);
    }
    store(row + head * d + first, turned_a);
    store(row + head * d + second, turned_b);
  }
  const int rest = d - rope.rotary;
  for (int i = threadIdx.x; i < (heads + kv_heads) * rest; i += blockDim.x) {
    const int head = i / rest, at = rope.rotary + i % rest;
    assign(row[head * d + at], to_float(grad_of_head(head)[at]));
  }
  for (int i = threadIdx.x * kCount; i < kv_heads * d; i += blockDim.x * kCount) {
    const auto grads = load<kCount>(dv + kv + i);
    Values<T, kCount> values;
#pragma unroll
    for (int j = 0; j < kCount; ++j) assign(values.at[j], to_float(grads.at[j]));
    store(row + (heads + kv_heads) * d + i, values);
  }
}

// Layouts of gated_kernel.
template <typename T, int kCount>
__global__ void gated_backward_kernel(Rows<const T> pair, Rows<const T> dproduct,
                                      Activation activation, std::int64_t rows, int width,
                                      Rows<T> dpair) {
  const int column = (blockIdx.x * blockDim.x + threadIdx.x) * kCount;
  if (column >= width) return;
  for (std::int64_t row = blockIdx.y; row < rows; row += gridDim.y) {
    const T* const pair_at = pair.row(row) + column;
    const auto gate = load<kCount>(pair_at), up = load<kCount>(pair_at + width),
               grad = load<kCount>(dproduct.row(row) + column);
    Values<T, kCount> dgate, dup;
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const float g = to_float(gate.at[i]), d = to_float(grad.at[i]);
      const float sigmoid = 1.0f / (1.0f + __expf(-sigmoid_input(activation, g)));
      assign(dgate.at[i], d * to_float(up.at[i]) * sigmoid *
                              (1.0f + g * sigmoid_slope(activation, g) * (1.0f - sigmoid)));
      assign(dup.at[i], d * g * sigmoid);
    }
    store(dpair.row(row) + column, dgate);
    store(dpair.row(row) + column + width, dup);
  }
}

// One block a row of logits: its loss, and weight · (softmax - onehot(target)) to `gradient`, which
// may be the logits themselves.
template <typename T>
__global__ void cross_entropy_kernel(const float* logits, const std::int64_t* targets,
                                     const float* weights, int vocab, float* losses, T* gradient) {
  const std::int64_t row = blockIdx.x;
  logits += row * vocab;
  gradient += row * vocab;
  float highest = -INFINITY, sum = 0;
  for (int i = threadIdx.x; i < vocab; i += blockDim.x) {
    const float value = logits[i], next = fmaxf(highest, value);
    sum = sum * __expf(highest - next) + __expf(value - next);
    highest = next;
  }
  const float top = block_max(highest);
  const float total = block_sum(isinf(highest) ? 0.0f : sum * __expf(highest - top));
  const float log_sum = top + logf(total);
  const auto target = static_cast<int>(targets[row]);
  if (threadIdx.x == 0) losses[row] = log_sum - logits[target];
  __syncthreads();  // the target's logit is overwritten
  const float weight = weights[row];
  for (int i = threadIdx.x; i < vocab; i += blockDim.x)
    assign(gradient[i], (__expf(logits[i] - log_sum) - (i == target ? 1.0f : 0.0f)) * weight);
}

// The bits of cpu/backward.hpp's dropout_mask: a thread makes the eight columns of one
// philox4x32-10 call, a byte of the mask.
__global__ void dropout_mask_kernel(std::uint32_t k0, std::uint32_t k1, const std::int64_t* sample,
                                    const std::int64_t* position, std::uint32_t first,
                                    std::int64_t columns, std::uint32_t threshold,
                                    std::int64_t calls, std::int64_t total, std::uint8_t* mask) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= total) return;
  const std::int64_t row = i / calls, call = i % calls;
  std::uint32_t c0 = first + static_cast<std::uint32_t>(call),
                c1 = static_cast<std::uint32_t>(position[row]);
  std::uint32_t c2 = static_cast<std::uint32_t>(sample[row]);
  std::uint32_t c3 = static_cast<std::uint32_t>(static_cast<std::uint64_t>(sample[row]) >> 32);
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const std::uint32_t high0 = __umulhi(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
    const std::uint32_t high1 = __umulhi(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const std::uint32_t words[4] = {c0, c1, c2, c3};
  unsigned kept = 0;
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    const std::uint32_t bits = j % 2 ? words[j / 2] >> 16 : words[j / 2] & 0xFFFFu;
    if (call * 8 + j < columns && bits >= threshold) kept |= 1u << j;
  }
  mask[i] = static_cast<std::uint8_t>(kept);
}

unsigned blocks_for(std::int64_t threads) {
  return static_cast<unsigned>((threads + kThreads - 1) / kThreads);
}

}  // namespace

at::Tensor rms_norm_backward(const at::Tensor& x, const at::Tensor& weight, double eps,
                             const at::Tensor& dy, const at::Tensor& add, std::int64_t room) {
  at::Tensor dx = empty_with_room(x.size(0), x.size(1), room, x.options());
  if (x.size(0) == 0) return dx;
  by_columns({x, dy, add, dx}, x.size(1), [&](auto* type, auto count, dim3) {
    using T = std::remove_pointer_t<decltype(type)>;
    rms_norm_backward_kernel<T, decltype(count)::value>
        <<<x.size(0), kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(
            rows_in(x, type), weight.const_data_ptr<float>(), static_cast<float>(eps),
            rows_in(dy, type), add.defined() ? rows_in(add, type) : Rows<const T>{},
            static_cast<int>(x.size(1)), rows_out(dx, type));
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return dx;
}

at::Tensor rope_backward(const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv,
                         const RopeShape& shape, const at::Tensor& cos_sin,
                         const at::Tensor& position, const at::Tensor& kv_row,
                         c10::ScalarType dtype, std::int64_t room) {
  const std::int64_t rows = dq.size(0);
  at::Tensor dqkv = empty_with_room(rows, (shape.heads + 2 * shape.kv_heads) * shape.d, room,
                                    dq.options().dtype(dtype));
  if (rows == 0) return dqkv;
  dispatch(dq, [&](auto* grad) {
    by_pairs(dqkv, shape, [&](auto* type, auto count) {
      rope_backward_kernel<std::remove_pointer_t<decltype(grad)>,
                           std::remove_pointer_t<decltype(type)>, decltype(count)::value>
          <<<rows, kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(
              in(dq, grad), in(dk, grad), in(dv, grad), cos_sin.const_data_ptr<float>(),
              position.const_data_ptr<std::int64_t>(), kv_row.const_data_ptr<std::int64_t>(),
              Rope(shape), rows_out(dqkv, type));
    });
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return dqkv;
}

void norm_columns_backward_(at::Tensor& dy, const at::Tensor& x, std::int64_t begin,
                            std::int64_t groups, const at::Tensor& weight, double eps) {
  if (x.size(0) == 0) return;
  const std::int64_t width = weight.size(0);
  at::Tensor columns = dy.narrow(1, begin, groups * width);
  dispatch(x, [&](auto* type) {
    norm_columns_backward_kernel<<<static_cast<unsigned>(x.size(0) * groups),
                                   width <= 256 ? 64 : kThreads, 0,
                                   c10::cuda::getCurrentCUDAStream()>>>(
        rows_in(x.narrow(1, begin, groups * width), type), rows_out(columns, type),
        weight.const_data_ptr<float>(), static_cast<float>(eps), static_cast<int>(groups),
        static_cast<int>(width));
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

at::Tensor gated_backward(const at::Tensor& pair, const at::Tensor& dproduct, Activation activation,
                          std::int64_t room) {
  const std::int64_t rows = dproduct.size(0), width = dproduct.size(1);
  at::Tensor dpair = empty_with_room(rows, 2 * width, room, pair.options());
  if (rows == 0) return dpair;
  by_columns({pair, dproduct, dpair}, width, [&](auto* type, auto count, dim3 grid) {
    gated_backward_kernel<std::remove_pointer_t<decltype(type)>, decltype(count)::value>
        <<<grid, kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(
            rows_in(pair, type), rows_in(dproduct, type), activation, rows, static_cast<int>(width),
            rows_out(dpair, type));
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return dpair;
}

LossGradient cross_entropy(const at::Tensor& logits, const at::Tensor& targets,
                           const at::Tensor& weights, c10::ScalarType dtype) {
  LossGradient result{at::empty({logits.size(0)}, logits.options()), logits};
  if (dtype != c10::ScalarType::Float)
    result.gradient = at::empty_like(logits, logits.options().dtype(dtype));
  if (logits.size(0) == 0) return result;
  dispatch(result.gradient, [&](auto* type) {
    cross_entropy_kernel<<<logits.size(0), 1024, 0, c10::cuda::getCurrentCUDAStream()>>>(
        logits.const_data_ptr<float>(), targets.const_data_ptr<std::int64_t>(),
        weights.const_data_ptr<float>(), static_cast<int>(logits.size(1)),
        result.losses.mutable_data_ptr<float>(), out_of(result.gradient, type));
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return result;
}

at::Tensor dropout_mask(const DropoutRows& rows, std::int64_t module, std::int64_t columns,
                        std::uint32_t threshold) {
  const std::int64_t words = (columns + 63) / 64;
  at::Tensor mask = at::empty({rows.sample.size(0), words}, rows.sample.options());
  const std::int64_t calls = words * 8, total = rows.sample.size(0) * calls;
  if (total == 0) return mask;
  dropout_mask_kernel<<<blocks_for(total), kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(
      rows.key[0], rows.key[1], rows.sample.const_data_ptr<std::int64_t>(),
      rows.position.const_data_ptr<std::int64_t>(), static_cast<std::uint32_t>(module << 20),
      columns, threshold, calls, total, static_cast<std::uint8_t*>(mask.mutable_data_ptr()));
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return mask;
}

}  // namespace tradeoff::model::cuda
