#include "tradeoff/model/ops.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/sub.h>

#include "cpu/kernels.hpp"
#include "ops_cuda.hpp"
#include "row_tasks.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::model {
namespace {

cpu::Storage storage_of(const at::Tensor& x) {
  return x.scalar_type() == c10::ScalarType::Float ? cpu::Storage::f32 : cpu::Storage::bf16;
}

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, std::int64_t room) {
  if (x.is_cuda()) return cuda::rms_norm(x, weight, eps, room);
  at::Tensor out = at::empty_like(x);
  for_each_rows(x.size(0), [&](std::int64_t begin, std::int64_t end) {
    cpu::select_kernels().rms_norm(storage_of(x), at_row(x, begin), weight.const_data_ptr<float>(),
                                   static_cast<float>(eps), end - begin, x.size(1),
                                   at_row(out, begin));
  });
  return out;
}

void norm_columns_(at::Tensor& x, std::int64_t begin, std::int64_t groups, const at::Tensor& weight,
                   double eps) {
  if (x.is_cuda()) return cuda::norm_columns_(x, begin, groups, weight, eps);
  for_each_rows(x.size(0), [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t row = first; row < end; ++row) {
      char* const at = at_row(x, row) + begin * x.element_size();
      cpu::select_kernels().rms_norm(storage_of(x), at, weight.const_data_ptr<float>(),
                                     static_cast<float>(eps), groups, weight.size(0), at);
    }
  });
}

at::Tensor rope_scatter(const at::Tensor& qkv, const RopeShape& shape, const at::Tensor& cos_sin,
                        const at::Tensor& position, const at::Tensor& kv_row, at::Tensor& k_arena,
                        at::Tensor& v_arena) {
  if (qkv.is_cuda())
    return cuda::rope_scatter(qkv, shape, cos_sin, position, kv_row, k_arena, v_arena);
  at::Tensor q = at::empty({qkv.size(0), shape.heads, shape.d}, qkv.options());
  for_each_rows(qkv.size(0), [&](std::int64_t begin, std::int64_t end) {
    cpu::select_kernels().rope_scatter(
        storage_of(qkv), shape, at_row(qkv, begin), cos_sin.const_data_ptr<float>(),
        position.const_data_ptr<std::int64_t>() + begin,
        kv_row.const_data_ptr<std::int64_t>() + begin, end - begin, at_row(q, begin),
        k_arena.mutable_data_ptr(), v_arena.mutable_data_ptr());
  });
  return q;
}

at::Tensor gated_product(const at::Tensor& x, Activation activation, std::int64_t room) {
  check(x.is_cuda(), "gated_product: on the CPU the product computes it (Linear::apply_gated)");
  return cuda::gated_product(x, activation, room);
}

at::Tensor argmax_rows(const at::Tensor& logits) {
  if (logits.is_cuda()) return cuda::argmax_rows(logits);
  at::Tensor out = at::empty({logits.size(0)}, logits.options().dtype(c10::ScalarType::Long));
  for_each_task(logits.size(0), [&](std::int64_t row) {
    out.mutable_data_ptr<std::int64_t>()[row] = cpu::select_kernels().argmax(
        logits.const_data_ptr<float>() + row * logits.size(1), logits.size(1));
  });
  return out;
}

at::Tensor log_softmax_at(const at::Tensor& logits, const at::Tensor& columns) {
  const at::Tensor chosen = at::gather(logits, 1, columns);
  if (logits.is_cuda()) return at::sub(chosen, at::logsumexp(logits, 1, true));
  at::Tensor total = at::empty({logits.size(0), 1}, logits.options());
  for_each_task(logits.size(0), [&](std::int64_t row) {
    total.mutable_data_ptr<float>()[row] = cpu::select_kernels().log_sum_exp(
        logits.const_data_ptr<float>() + row * logits.size(1), logits.size(1));
  });
  return at::sub(chosen, total);
}

}  // namespace tradeoff::model
