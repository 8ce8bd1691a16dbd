#include "product.hpp"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>

#include "threads.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::model {
namespace {

// Tasks a thread; more than one, so that a thread that is slowed down does not hold up the rest.
constexpr std::int64_t kTasksPerThread = 16;
constexpr std::int64_t kTaskRows = 96;

}  // namespace

std::int64_t panel_count(std::int64_t columns, bool gated) {
  const std::int64_t each = cpu::select_kernels().panel / (gated ? 2 : 1);
  return (columns + each - 1) / each;
}

cpu::Storage storage_of(c10::ScalarType dtype) {
  if (dtype == c10::ScalarType::Float) return cpu::Storage::f32;
  if (dtype == c10::ScalarType::BFloat16) return cpu::Storage::bf16;
  fail(fmt::format("dtype {}: expected float32 or bfloat16", c10::toString(dtype)));
}

at::Tensor pack_panels(const at::Tensor& w, const at::Tensor& up) {
  const cpu::Kernels& kernels = cpu::select_kernels();
  const cpu::Storage storage = storage_of(w.scalar_type());
  const std::int64_t n = w.size(0), k = w.size(1);
  const std::int64_t panels = panel_count(n, up.defined());
  at::Tensor packed =
      at::empty({kernels.packed_size(storage, panels * kernels.panel, k)}, w.options());
  const void* const second = up.defined() ? up.const_data_ptr() : nullptr;
  for_each_task(panels, [&](std::int64_t panel) {
    kernels.pack(storage, w.const_data_ptr(), second, n, k, panel, panel + 1,
                 packed.mutable_data_ptr());
  });
  return packed;
}

void run_product(const cpu::GemmArgs& args, std::int64_t rows) {
  const cpu::Kernels& kernels = cpu::select_kernels();
  const std::int64_t panels = panel_count(args.n, args.epilogue == cpu::Epilogue::gated);
  const std::int64_t row_blocks = (rows + kTaskRows - 1) / kTaskRows;
  const std::int64_t wanted = kTasksPerThread * at::get_num_threads();
  const std::int64_t groups = std::clamp<std::int64_t>(
      (wanted + row_blocks - 1) / std::max<std::int64_t>(row_blocks, 1), 1, panels);
  for_each_task(row_blocks * groups, [&](std::int64_t task) {
    const std::int64_t block = task / groups, group = task % groups;
    kernels.gemm(args, block * kTaskRows, std::min(rows, (block + 1) * kTaskRows),
                 group * panels / groups, (group + 1) * panels / groups);
  });
}

}  // namespace tradeoff::model
