#include "tradeoff/model/backward.hpp"

#include <ATen/ops/empty.h>

#include <cmath>

#include "cpu/backward.hpp"
#include "ops_cuda.hpp"
#include "product.hpp"
#include "row_tasks.hpp"
#include "tradeoff/model/dropout.hpp"

namespace tradeoff::model {
namespace {

// Streams of dropout in a layer; a fused product draws from that of its first part.
constexpr std::int64_t kDropoutStreams = 7;
std::int64_t stream_of(Projection projection) {
  if (projection == Projection::qkv) return static_cast<std::int64_t>(Projection::q);
  if (projection == Projection::gate_up) return static_cast<std::int64_t>(Projection::gate);
  return static_cast<std::int64_t>(projection);
}

}  // namespace

at::Tensor rms_norm_backward(const at::Tensor& x, const at::Tensor& weight, double eps,
                             const at::Tensor& dy, const at::Tensor& add, std::int64_t room) {
  if (x.is_cuda()) return cuda::rms_norm_backward(x, weight, eps, dy, add, room);
  at::Tensor dx = at::empty(x.sizes(), x.options());
  for_each_rows(x.size(0), [&](std::int64_t begin, std::int64_t end) {
    cpu::select_backward().rms_norm_grad(
        storage_of(x.scalar_type()), at_row(x, begin), weight.const_data_ptr<float>(),
        static_cast<float>(eps), at_row(dy, begin), add.defined() ? at_row(add, begin) : nullptr,
        end - begin, x.size(1), at_row(dx, begin));
  });
  return dx;
}

at::Tensor rope_backward(const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv,
                         const RopeShape& shape, const at::Tensor& cos_sin,
                         const at::Tensor& position, const at::Tensor& kv_row,
                         c10::ScalarType dtype, std::int64_t room) {
  if (dq.is_cuda())
    return cuda::rope_backward(dq, dk, dv, shape, cos_sin, position, kv_row, dtype, room);
  const std::int64_t rows = dq.size(0), heads = shape.heads, d = shape.d, kv_heads = shape.kv_heads;
  at::Tensor dqkv = at::empty({rows, (heads + 2 * kv_heads) * d}, dq.options().dtype(dtype));
  for_each_rows(rows, [&](std::int64_t begin, std::int64_t end) {
    cpu::select_backward().rope_grad(
        storage_of(dtype), shape, dq.const_data_ptr<float>() + begin * heads * d,
        dk.const_data_ptr<float>(), dv.const_data_ptr<float>(), cos_sin.const_data_ptr<float>(),
        position.const_data_ptr<std::int64_t>() + begin,
        kv_row.const_data_ptr<std::int64_t>() + begin, end - begin, at_row(dqkv, begin));
  });
  return dqkv;
}

void norm_columns_backward_(at::Tensor& dy, const at::Tensor& x, std::int64_t begin,
                            std::int64_t groups, const at::Tensor& weight, double eps) {
  if (x.is_cuda()) return cuda::norm_columns_backward_(dy, x, begin, groups, weight, eps);
  for_each_rows(x.size(0), [&](std::int64_t first, std::int64_t end) {
    const std::int64_t offset = begin * x.element_size();
    for (std::int64_t row = first; row < end; ++row) {
      char* const at = at_row(dy, row) + offset;
      cpu::select_backward().rms_norm_grad(storage_of(x.scalar_type()), at_row(x, row) + offset,
                                           weight.const_data_ptr<float>(), static_cast<float>(eps),
                                           at, nullptr, groups, weight.size(0), at);
    }
  });
}

at::Tensor gated_backward(const at::Tensor& pair, const at::Tensor& dproduct, Activation activation,
                          std::int64_t room) {
  if (pair.is_cuda()) return cuda::gated_backward(pair, dproduct, activation, room);
  at::Tensor dpair = at::empty(pair.sizes(), pair.options());
  for_each_rows(pair.size(0), [&](std::int64_t begin, std::int64_t end) {
    cpu::select_backward().gated_grad(storage_of(pair.scalar_type()), activation,
                                      at_row(pair, begin), at_row(dproduct, begin), end - begin,
                                      dproduct.size(1), at_row(dpair, begin));
  });
  return dpair;
}

LossGradient cross_entropy(const at::Tensor& logits, const at::Tensor& targets,
                           const at::Tensor& weights, c10::ScalarType dtype) {
  if (logits.is_cuda()) return cuda::cross_entropy(logits, targets, weights, dtype);
  const std::int64_t rows = logits.size(0), vocab = logits.size(1);
  const at::Tensor losses = at::empty({rows}, logits.options());
  for_each_task(rows, [&](std::int64_t row) {
    float* const values = logits.mutable_data_ptr<float>() + row * vocab;
    const std::int64_t target = targets.const_data_ptr<std::int64_t>()[row];
    const float total = cpu::select_kernels().log_sum_exp(values, vocab);
    losses.mutable_data_ptr<float>()[row] = total - values[target];
    cpu::select_backward().cross_entropy_grad(values, vocab, target, total,
                                              weights.const_data_ptr<float>()[row]);
  });
  return {losses, logits.to(dtype)};
}

at::Tensor dropout_mask(const DropoutRows& rows, std::int64_t layer, Projection projection,
                        std::int64_t columns, double probability) {
  const std::int64_t module = layer * kDropoutStreams + stream_of(projection);
  const auto threshold = static_cast<std::uint32_t>(std::lround(probability * 65536));
  if (rows.sample.is_cuda()) return cuda::dropout_mask(rows, module, columns, threshold);
  at::Tensor bits = at::empty({rows.sample.size(0), (columns + 63) / 64}, rows.sample.options());
  for_each_rows(rows.sample.size(0), [&](std::int64_t begin, std::int64_t end) {
    cpu::select_backward().dropout_mask(
        rows.key.data(), rows.sample.const_data_ptr<std::int64_t>(),
        rows.position.const_data_ptr<std::int64_t>(), module, columns, threshold, begin, end,
        reinterpret_cast<std::uint64_t*>(bits.mutable_data_ptr<std::int64_t>()));
  });
  return bits;
}

}  // namespace tradeoff::model
