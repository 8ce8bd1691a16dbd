#include "tradeoff/model/linear.hpp"

#include <ATen/ops/add.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <fmt/format.h>

#include <algorithm>

#include "cpu/kernels.hpp"
#include "threads.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/model/ops.hpp"

namespace tradeoff::model {
namespace {

cpu::Storage storage_of(c10::ScalarType dtype) {
  if (dtype == c10::ScalarType::Float) return cpu::Storage::f32;
  if (dtype == c10::ScalarType::BFloat16) return cpu::Storage::bf16;
  fail(fmt::format("dtype {}: expected float32 or bfloat16", c10::toString(dtype)));
}

// Tasks a thread; more than one, so that a thread that is slowed down does not hold up the rest.
constexpr std::int64_t kTasksPerThread = 4;
constexpr std::int64_t kTaskRows = 96;

}  // namespace

Linear::Linear(const at::Tensor& weight, c10::Device device, c10::ScalarType dtype)
    : in_(weight.size(1)), out_(weight.size(0)), dtype_(dtype) {
  if (device.is_cpu()) {
    pack(weight, {});
  } else {
    weight_ = weight.to(device, dtype);
  }
}

Linear Linear::gated(const at::Tensor& gate, const at::Tensor& up, c10::Device device, c10::ScalarType dtype) {
  Linear linear;
  linear.in_ = gate.size(1);
  linear.out_ = gate.size(0);
  linear.dtype_ = dtype;
  if (device.is_cpu()) {
    linear.pack(gate, up);
  } else {
    linear.weight_ = at::cat({gate.to(device, dtype), up.to(device, dtype)});
  }
  return linear;
}

void Linear::pack(const at::Tensor& weight, const at::Tensor& up) {
  // bfloat16 activations need bfloat16 weights; float32 ones take either.
  const auto kept = dtype_ == c10::ScalarType::BFloat16 ? dtype_ : weight.scalar_type();
  const at::Tensor first = weight.to(kept).contiguous();
  const at::Tensor second = up.defined() ? up.to(kept).contiguous() : at::Tensor();
  const cpu::Kernels& kernels = cpu::select_kernels();
  const cpu::Storage storage = storage_of(kept);
  const std::int64_t columns = up.defined() ? 2 * ((out_ + kernels.panel / 2 - 1) / (kernels.panel / 2)) * (kernels.panel / 2) : out_;
  weight_ = at::empty({kernels.packed_size(storage, columns, in_)}, first.options());
  const std::int64_t panels = (columns + kernels.panel - 1) / kernels.panel;
  for_each_task(panels, [&](std::int64_t panel) {
    kernels.pack(storage, first.const_data_ptr(), second.defined() ? second.const_data_ptr() : nullptr, out_, in_,
                 panel, panel + 1, weight_.mutable_data_ptr());
  });
}

at::Tensor Linear::apply(const at::Tensor& x) const { return run(x, nullptr, false, false); }
at::Tensor Linear::apply_add(const at::Tensor& x, const at::Tensor& residual) const {
  return run(x, &residual, false, false);
}
at::Tensor Linear::apply_gated(const at::Tensor& x) const { return run(x, nullptr, true, false); }
at::Tensor Linear::apply_float(const at::Tensor& x) const { return run(x, nullptr, false, true); }

at::Tensor Linear::run(const at::Tensor& x, const at::Tensor* residual, bool gated, bool float_out) const {
  if (!x.is_cpu()) {
    if (float_out) {
      return x.scalar_type() == c10::ScalarType::Float ? at::linear(x, weight_)
                                                       : at::mm(x, weight_.t(), c10::ScalarType::Float);
    }
    const at::Tensor product = at::linear(x, weight_);
    if (gated) return silu_mul(product);
    return residual ? at::add(product, *residual) : product;
  }
  const cpu::Kernels& kernels = cpu::select_kernels();
  const std::int64_t rows = x.size(0);
  const auto out_dtype = float_out ? c10::ScalarType::Float : dtype_;
  at::Tensor out = at::empty({rows, out_}, x.options().dtype(out_dtype));
  cpu::GemmArgs args;
  args.in = storage_of(dtype_);
  args.weights = storage_of(weight_.scalar_type());
  args.out_storage = storage_of(out_dtype);
  args.epilogue = gated ? cpu::Epilogue::silu_mul : residual ? cpu::Epilogue::add : cpu::Epilogue::store;
  args.main = {x.const_data_ptr(), in_, in_, weight_.const_data_ptr()};
  args.out = out.mutable_data_ptr();
  args.residual = residual ? residual->const_data_ptr() : nullptr;
  args.ldo = out_;
  args.n = out_;
  const std::int64_t per_panel = gated ? kernels.panel / 2 : kernels.panel;
  const std::int64_t panels = (out_ + per_panel - 1) / per_panel;
  const std::int64_t row_blocks = (rows + kTaskRows - 1) / kTaskRows;
  const std::int64_t wanted = kTasksPerThread * at::get_num_threads();
  const std::int64_t groups = std::clamp<std::int64_t>((wanted + row_blocks - 1) / std::max<std::int64_t>(row_blocks, 1), 1, panels);
  for_each_task(row_blocks * groups, [&](std::int64_t task) {
    const std::int64_t block = task / groups, group = task % groups;
    kernels.gemm(args, block * kTaskRows, std::min(rows, (block + 1) * kTaskRows), group * panels / groups,
                 (group + 1) * panels / groups);
  });
  return out;
}

}  // namespace tradeoff::model
