#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels_cuda.cuh"
#include "ops_cuda.hpp"

namespace tradeoff::model::cuda {
namespace {

// y = x f w with f = 1 / sqrt(mean(x²) + eps): dx = w dy f - x f³ mean(x w dy), plus `add` where it
// is given.
template <typename T, int kCount>
__global__ void rms_norm_backward_kernel(const T* x, const float* weight, float eps, const T* dy,
                                         const T* add, int columns, T* dx) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * columns;
  x += row;
  dy += row;
  dx += row;
  if (add) add += row;
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
__global__ void norm_columns_backward_kernel(const T* x, T* dy, const float* weight, float eps,
                                             std::int64_t stride, int groups, int width) {
  const std::int64_t offset = blockIdx.x / groups * stride + blockIdx.x % groups * width;
  x += offset;
  dy += offset;
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
template <typename Grad, typename T>
__global__ void rope_backward_kernel(const Grad* dq, const Grad* dk, const Grad* dv,
                                     const float* cos_sin, const std::int64_t* position,
                                     const std::int64_t* kv_row, Rope rope, T* dqkv) {
  const std::int64_t token = blockIdx.x;
  const int heads = rope.heads, kv_heads = rope.kv_heads, d = rope.d;
  const int half = rope.rotary / 2, pairs = (heads + kv_heads) * half;
  T* const row = dqkv + token * (heads + 2 * kv_heads) * d;
  const float* const angle = cos_sin + position[token] * rope.rotary;
  const std::int64_t kv = kv_row[token] * kv_heads * d;
  const auto grad_of_head = [&](int head) {
    return head < heads ? dq + (token * heads + head) * d : dk + kv + (head - heads) * d;
  };
  for (int i = threadIdx.x; i < pairs; i += blockDim.x) {
    const int head = i / half, at = i % half, first = rope.first(at), second = rope.second(at);
    const Grad* const grad = grad_of_head(head);
    const float a = to_float(grad[first]), b = to_float(grad[second]), c = angle[at],
                s = angle[half + at];
    assign(row[head * d + first], a * c + b * s);
    assign(row[head * d + second], b * c - a * s);
  }
  const int rest = d - rope.rotary;
  for (int i = threadIdx.x; i < (heads + kv_heads) * rest; i += blockDim.x) {
    const int head = i / rest, at = rope.rotary + i % rest;
    assign(row[head * d + at], to_float(grad_of_head(head)[at]));
  }
  for (int i = threadIdx.x; i < kv_heads * d; i += blockDim.x)
    assign(row[(heads + kv_heads) * d + i], to_float(dv[kv + i]));
}

// Layouts of gated_kernel.
template <typename T, int kCount>
__global__ void gated_backward_kernel(const T* pair, const T* dproduct, Activation activation,
                                      std::int64_t rows, int width, T* dpair) {
  const int column = (blockIdx.x * blockDim.x + threadIdx.x) * kCount;
  if (column >= width) return;
  for (std::int64_t row = blockIdx.y; row < rows; row += gridDim.y) {
    const std::int64_t at = row * 2 * width + column;
    const auto gate = load<kCount>(pair + at), up = load<kCount>(pair + at + width),
               grad = load<kCount>(dproduct + row * width + column);
    Values<T, kCount> dgate, dup;
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const float g = to_float(gate.at[i]), d = to_float(grad.at[i]);
      const float sigmoid = 1.0f / (1.0f + __expf(-sigmoid_input(activation, g)));
      assign(dgate.at[i], d * to_float(up.at[i]) * sigmoid *
                              (1.0f + g * sigmoid_slope(activation, g) * (1.0f - sigmoid)));
      assign(dup.at[i], d * g * sigmoid);
    }
    store(dpair + at, dgate);
    store(dpair + at + width, dup);
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
// philox4x32-10 call.
template <typename T>
__global__ void dropout_mask_kernel(std::uint32_t k0, std::uint32_t k1, const std::int64_t* sample,
                                    const std::int64_t* position, std::uint32_t first,
                                    std::int64_t columns, std::uint32_t threshold, float kept,
                                    std::int64_t calls, std::int64_t total, T* mask) {
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
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    const std::int64_t column = call * 8 + j;
    const std::uint32_t bits = j % 2 ? words[j / 2] >> 16 : words[j / 2] & 0xFFFFu;
    if (column < columns) assign(mask[row * columns + column], bits >= threshold ? kept : 0.0f);
  }
}

unsigned blocks_for(std::int64_t threads) {
  return static_cast<unsigned>((threads + kThreads - 1) / kThreads);
}

}  // namespace

at::Tensor rms_norm_backward(const at::Tensor& x, const at::Tensor& weight, double eps,
                             const at::Tensor& dy, const at::Tensor& add) {
  at::Tensor dx = at::empty_like(x);
  if (x.size(0) == 0) return dx;
  by_columns(x, x.size(1), [&](auto* type, auto count, dim3) {
    rms_norm_backward_kernel<std::remove_pointer_t<decltype(type)>, decltype(count)::value>
        <<<x.size(0), kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(
            in(x, type), weight.const_data_ptr<float>(), static_cast<float>(eps), in(dy, type),
            add.defined() ? in(add, type) : nullptr, static_cast<int>(x.size(1)), out_of(dx, type));
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return dx;
}

at::Tensor rope_backward(const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv,
                         const RopeShape& shape, const at::Tensor& cos_sin,
                         const at::Tensor& position, const at::Tensor& kv_row,
                         c10::ScalarType dtype) {
  const std::int64_t rows = dq.size(0);
  at::Tensor dqkv =
      at::empty({rows, (shape.heads + 2 * shape.kv_heads) * shape.d}, dq.options().dtype(dtype));
  if (rows == 0) return dqkv;
  dispatch(dq, [&](auto* grad) {
    dispatch(dqkv, [&](auto* type) {
      rope_backward_kernel<<<rows, kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(
          in(dq, grad), in(dk, grad), in(dv, grad), cos_sin.const_data_ptr<float>(),
          position.const_data_ptr<std::int64_t>(), kv_row.const_data_ptr<std::int64_t>(),
          Rope(shape), out_of(dqkv, type));
    });
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return dqkv;
}

void norm_columns_backward_(at::Tensor& dy, const at::Tensor& x, std::int64_t begin,
                            std::int64_t groups, const at::Tensor& weight, double eps) {
  if (x.size(0) == 0) return;
  const std::int64_t width = weight.size(0);
  dispatch(x, [&](auto* type) {
    norm_columns_backward_kernel<<<static_cast<unsigned>(x.size(0) * groups),
                                   width <= 256 ? 64 : kThreads, 0,
                                   c10::cuda::getCurrentCUDAStream()>>>(
        in(x, type) + begin, out_of(dy, type) + begin, weight.const_data_ptr<float>(),
        static_cast<float>(eps), x.stride(0), static_cast<int>(groups), static_cast<int>(width));
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

at::Tensor gated_backward(const at::Tensor& pair, const at::Tensor& dproduct,
                          Activation activation) {
  at::Tensor dpair = at::empty_like(pair);
  const std::int64_t rows = dproduct.size(0), width = dproduct.size(1);
  if (rows == 0) return dpair;
  by_columns(pair, width, [&](auto* type, auto count, dim3 grid) {
    gated_backward_kernel<std::remove_pointer_t<decltype(type)>, decltype(count)::value>
        <<<grid, kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(
            in(pair, type), in(dproduct, type), activation, rows, static_cast<int>(width),
            out_of(dpair, type));
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
                        std::uint32_t threshold, double probability, c10::ScalarType dtype) {
  at::Tensor mask = at::empty({rows.sample.size(0), columns}, rows.sample.options().dtype(dtype));
  const std::int64_t calls = (columns + 7) / 8, total = rows.sample.size(0) * calls;
  if (total == 0) return mask;
  dispatch(mask, [&](auto* type) {
    dropout_mask_kernel<<<blocks_for(total), kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(
        rows.key[0], rows.key[1], rows.sample.const_data_ptr<std::int64_t>(),
        rows.position.const_data_ptr<std::int64_t>(), static_cast<std::uint32_t>(module << 20),
        columns, threshold, static_cast<float>(1.0 / (1.0 - probability)), calls, total,
        out_of(mask, type));
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return mask;
}

}  // namespace tradeoff::model::cuda
