#include "tradeoff/quant/nf4.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mean.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <numeric>

#include <algorithm>
#include <bit>
#include <initializer_list>

#include "double_quant.hpp"
#include "nf4_kernels.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/quant/capability.hpp"

namespace tradeoff::quant {
namespace {

bool is_blocksize(int value) {
  return value >= 32 && value <= 4096 && std::has_single_bit(static_cast<unsigned>(value));
}

void check_floating(at::ScalarType dtype, const char* what) {
  if (dtype != at::kFloat && dtype != at::kBFloat16 && dtype != at::kHalf) {
    fail(fmt::format("NF4: {} is {}, expected float32, bfloat16 or float16", what,
                     c10::toString(dtype)));
  }
}

// `part` is dense, of this dtype and these sizes, on this device.
void check_part(const char* what, const at::Tensor& part, at::ScalarType dtype,
                std::initializer_list<std::int64_t> sizes, at::Device device) {
  const std::string expected =
      fmt::format("{} [{}] on {}", c10::toString(dtype), fmt::join(sizes, ", "), device.str());
  if (!part.defined()) fail(fmt::format("NF4: {} is missing, expected {}", what, expected));
  if (part.scalar_type() == dtype && part.sizes() == at::IntArrayRef(sizes) &&
      part.device() == device && part.is_contiguous()) {
    return;
  }
  fail(fmt::format("NF4: {} is {} [{}] on {}{}, expected {}", what,
                   c10::toString(part.scalar_type()), fmt::join(part.sizes(), ", "),
                   part.device().str(), part.is_contiguous() ? "" : ", not contiguous", expected));
}

at::Tensor values_of(std::span<const float> values) {
  const at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::kFloat);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<float>());
  return tensor;
}

// From here on PyTorch shares a sum out, and its order depends on the number of threads
// (at::internal::GRAIN_SIZE).
constexpr std::int64_t kSharedSum = 32768;

// Below kSharedSum as bitsandbytes computes it; from there on in double, one value after the other.
float mean_of(const at::Tensor& values) {
  const std::int64_t count = values.numel();
  if (count < kSharedSum) return at::mean(values).item<float>();
  const auto* const begin = values.const_data_ptr<float>();
  return static_cast<float>(std::accumulate(begin, begin + count, 0.0) /
                            static_cast<double>(count));
}

// On the CPU for every device: 1/64 of the values, and equal bytes everywhere.
void nest_absmax(Nf4Weight& weight) {
  const at::Device device = weight.absmax.device();
  at::Tensor absmax = weight.absmax.cpu();
  const float offset = mean_of(absmax);
  if (absmax.is_same(weight.absmax)) absmax = absmax.clone();
  auto* values = absmax.mutable_data_ptr<float>();
  const std::int64_t blocks = absmax.numel();
  for (std::int64_t i = 0; i < blocks; ++i) values[i] -= offset;

  const std::int64_t groups = (blocks + weight.nested_blocksize - 1) / weight.nested_blocksize;
  const at::Tensor codes = at::empty({blocks}, at::kByte);
  const at::Tensor nested = at::empty({groups}, at::kFloat);
  auto* const code = codes.mutable_data_ptr<std::uint8_t>();
  auto* const group_absmax = nested.mutable_data_ptr<float>();
  constexpr std::int64_t kGroups = 64;  // of one thread at least
  at::parallel_for(0, groups, kGroups, [&](std::int64_t first, std::int64_t last) {
    const std::int64_t begin = first * weight.nested_blocksize,
                       end = std::min(blocks, last * weight.nested_blocksize);
    const auto count = static_cast<std::size_t>(end - begin);
    quantise_8bit({values + begin, count}, weight.nested_blocksize, {code + begin, count},
                  {group_absmax + first, static_cast<std::size_t>(last - first)});
  });
  weight.absmax = codes.to(device);
  weight.nested_absmax = nested.to(device);
  weight.nested_quant_map = values_of(dynamic_map()).to(device);
  weight.nested_offset = offset;
}

Nf4View view_of(const Nf4Weight& weight) {
  Nf4View view{weight.packed.const_data_ptr<std::uint8_t>(), weight.numel(), weight.blocksize, {}};
  if (weight.nested()) {
    view.absmax.codes = weight.absmax.const_data_ptr<std::uint8_t>();
    view.absmax.nested_absmax = weight.nested_absmax.const_data_ptr<float>();
    view.absmax.nested_map = weight.nested_quant_map.const_data_ptr<float>();
    view.absmax.offset = static_cast<float>(weight.nested_offset);
    view.absmax.nested_shift = std::countr_zero(static_cast<unsigned>(weight.nested_blocksize));
  } else {
    view.absmax.values = weight.absmax.const_data_ptr<float>();
  }
  return view;
}

}  // namespace

std::int64_t Nf4Weight::numel() const {
  std::int64_t product = 1;
  for (const std::int64_t size : shape) product *= size;
  return product;
}

std::int64_t Nf4Weight::bytes() const {
  std::int64_t sum = 0;
  for (const at::Tensor* part : {&packed, &absmax, &quant_map, &nested_absmax, &nested_quant_map}) {
    if (part->defined()) sum += static_cast<std::int64_t>(part->nbytes());
  }
  return sum;
}

Nf4Weight Nf4Weight::to(at::Device device) const {
  Nf4Weight moved = *this;
  for (at::Tensor* part : {&moved.packed, &moved.absmax, &moved.quant_map, &moved.nested_absmax,
                           &moved.nested_quant_map}) {
    if (part->defined()) *part = part->to(device);
  }
  return moved;
}

void check_consistent(const Nf4Weight& weight) {
  check_floating(weight.dtype, "dtype");
  if (!is_blocksize(weight.blocksize)) {
    fail(fmt::format("NF4: blocksize is {}, expected a power of two from 32 to 4096",
                     weight.blocksize));
  }
  std::int64_t numel = 1;
  for (const std::int64_t size : weight.shape) {
    if (size <= 0 || __builtin_mul_overflow(numel, size, &numel)) {
      fail(fmt::format("NF4: shape is [{}], expected sizes above 0 and their product below 2^63",
                       fmt::join(weight.shape, ", ")));
    }
  }
  check(weight.packed.defined(), "NF4: the packed weight is missing");
  const at::Device device = weight.packed.device();
  const std::int64_t blocks = weight.blocks();
  check_part("the packed weight", weight.packed, at::kByte, {(weight.numel() + 1) / 2, 1}, device);
  check_part("quant_map", weight.quant_map, at::kFloat, {16}, device);
  check_part("absmax", weight.absmax, weight.nested() ? at::kByte : at::kFloat, {blocks}, device);
  if (!weight.nested()) return;
  const int group = weight.nested_blocksize;
  if (group <= 0 || !std::has_single_bit(static_cast<unsigned>(group))) {
    fail(fmt::format("NF4: nested_blocksize is {}, expected a power of two", group));
  }
  check_part("nested_absmax", weight.nested_absmax, at::kFloat, {(blocks + group - 1) / group},
             device);
  check_part("nested_quant_map", weight.nested_quant_map, at::kFloat, {256}, device);
}

Nf4Weight quantise(const at::Tensor& weight, const Nf4Options& options) {
  check(weight.defined() && weight.numel() > 0, "NF4: there is no value to quantise");
  check_floating(weight.scalar_type(), "the weight to quantise");
  check(weight.is_cpu() || weight.is_cuda(),
        "NF4: the weight to quantise is on " + weight.device().str() + ", expected cpu or cuda");
  if (!is_blocksize(options.blocksize)) {
    fail(fmt::format("NF4: blocksize is {}, expected a power of two from 32 to 4096",
                     options.blocksize));
  }
  const at::Tensor values = weight.contiguous();
  const std::int64_t numel = values.numel();

  Nf4Weight result;
  result.shape = weight.sizes().vec();
  result.dtype = weight.scalar_type();
  result.blocksize = options.blocksize;
  result.packed = at::empty({(numel + 1) / 2, 1}, values.options().dtype(at::kByte));
  result.absmax = at::empty({result.blocks()}, values.options().dtype(at::kFloat));
  result.quant_map = values_of(kNf4).to(values.device());
  const QuantiseTask task{values.const_data_ptr(),
                          values.scalar_type(),
                          numel,
                          options.blocksize,
                          result.packed.mutable_data_ptr<std::uint8_t>(),
                          result.absmax.mutable_data_ptr<float>()};
  if (values.is_cuda()) {
    quantise_cuda(task, values.device());
  } else {
    quantise_cpu(task, best_isa());
  }
  if (options.double_quant) nest_absmax(result);
  return result;
}

void dequantise(const Nf4Weight& weight, const at::Tensor& out) {
  check_consistent(weight);
  const at::Device device = weight.packed.device();
  check_floating(out.scalar_type(), "the output");
  const bool rows_apart =
      device.is_cuda() && out.dim() == 2 && out.stride(1) == 1 && out.stride(0) >= out.size(1);
  if (out.sizes() != at::IntArrayRef(weight.shape) || out.device() != device ||
      !(out.is_contiguous() || rows_apart)) {
    fail(fmt::format("NF4: the output is [{}] on {}{}, expected [{}] on {}",
                     fmt::join(out.sizes(), ", "), out.device().str(),
                     out.is_contiguous() ? "" : ", not contiguous", fmt::join(weight.shape, ", "),
                     device.str()));
  }
  if (device.is_cuda()) {
    Nf4View view = view_of(weight);
    if (!out.is_contiguous()) {
      view.columns = out.size(1);
      view.row_stride = out.stride(0);
    }
    dequantise_cuda(view, out.scalar_type(), out.mutable_data_ptr(), device);
  } else {
    check(device.is_cpu(), "NF4: the weight is on " + device.str() + ", expected cpu or cuda");
    dequantise_cpu(view_of(weight), out.scalar_type(), out.mutable_data_ptr(), best_isa());
  }
}

at::Tensor dequantise(const Nf4Weight& weight) {
  check_consistent(weight);
  at::Tensor out = at::empty(weight.shape, weight.packed.options().dtype(weight.dtype));
  dequantise(weight, out);
  return out;
}

bool takes_product(std::span<const Nf4Weight> parts, const at::Tensor& x) {
  if (!x.is_cuda() || x.scalar_type() != at::kBFloat16 || x.dim() != 2 || !x.is_contiguous() ||
      x.size(0) < 1 || x.size(0) > kMostProductRows || parts.size() > ProductTask::kMostParts)
    return false;
  const bool shapes = std::ranges::all_of(parts, [&](const Nf4Weight& part) {
    return part.blocksize == 64 && part.shape.size() == 2 && part.shape[1] == x.size(1) &&
           part.shape[0] % ProductTask::kTileRows == 0 && x.size(1) % part.blocksize == 0;
  });
  return shapes && compute_capability(x.device()) >= 80;  // bfloat16 in mma
}

at::Tensor product(std::span<const Nf4Weight> parts, const at::Tensor& x, const at::Tensor& bias,
                   const at::Tensor& residual) {
  check(takes_product(parts, x), "NF4 product: a shape or device that takes_product() refuses");
  ProductTask task;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    task.parts[i] = {view_of(parts[i]), static_cast<int>(parts[i].shape[0])};
    task.out_columns += task.parts[i].rows;
  }
  const at::Tensor out = at::empty({x.size(0), task.out_columns}, x.options());
  task.in = static_cast<int>(x.size(1));
  task.x_rows = static_cast<int>(x.size(0));
  task.x = x.const_data_ptr();
  task.bias = bias.defined() ? bias.const_data_ptr() : nullptr;
  task.residual = residual.defined() ? residual.const_data_ptr() : nullptr;
  task.out = out.mutable_data_ptr();
  product_cuda(task, x.device());
  return out;
}

Nf4Weight without_nesting(const Nf4Weight& weight) {
  check_consistent(weight);
  if (!weight.nested()) return weight;
  check(weight.packed.is_cuda(), "NF4 without nesting: expected a weight on CUDA");
  Nf4Weight plain = weight;
  plain.absmax = at::empty({weight.blocks()}, weight.absmax.options().dtype(at::kFloat));
  absmax_cuda(view_of(weight).absmax, weight.blocks(), plain.absmax.mutable_data_ptr<float>(),
              weight.packed.device());
  plain.nested_absmax = plain.nested_quant_map = at::Tensor();
  return plain;
}

}  // namespace tradeoff::quant
