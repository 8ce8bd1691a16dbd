#include "tradeoff/model/low_rank.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "cpu/backward.hpp"
#include "ops_cuda.hpp"
#include "product.hpp"
#include "threads.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::model {
namespace {

constexpr std::int64_t kTaskRows = 96;
constexpr std::int64_t kTaskColumns = 128;

// w [k, columns], float32, in the form in which the skinny products with rows of `dtype` read it.
at::Tensor pack_skinny(const at::Tensor& w, c10::ScalarType dtype) {
  const cpu::BackwardKernels& kernels = cpu::select_backward();
  const cpu::Storage in = storage_of(dtype);
  const at::Tensor rows = w.contiguous();
  at::Tensor packed = at::empty({kernels.skinny_size(in, w.size(0), w.size(1))}, w.options());
  kernels.skinny_pack(in, rows.const_data_ptr<float>(), w.size(0), w.size(1),
                      packed.mutable_data_ptr<float>());
  return packed;
}

cpu::Mask mask_of(const LowRankTape& tape, std::size_t part) {
  if (tape.masks.empty()) return {};
  const at::Tensor& mask = tape.masks[part];
  return {reinterpret_cast<const std::uint64_t*>(mask.const_data_ptr<std::int64_t>()),
          mask.size(1)};
}

// What the kept inputs are multiplied by, so that dropout leaves their mean.
float kept_scale(const LowRankTape& tape) {
  return static_cast<float>(tape.masks.empty() ? 1 : 1 / (1 - tape.dropout));
}

const char* at_column(const at::Tensor& x, std::int64_t column) {
  return static_cast<const char*>(x.const_data_ptr()) + column * x.element_size();
}

template <typename Work>
void for_each_block(std::int64_t size, std::int64_t block, std::int64_t parts, const Work& work) {
  const std::int64_t blocks = (size + block - 1) / block;
  for_each_task(blocks * parts, [&](std::int64_t task) {
    const std::int64_t begin = task % blocks * block;
    work(task / blocks, begin, std::min(size, begin + block));
  });
}

}  // namespace

LowRankUpdate::LowRankUpdate(std::span<const LowRankPart> parts, std::int64_t out, Columns columns,
                             c10::Device device, c10::ScalarType dtype) {
  if (parts.empty()) return;
  std::vector<at::Tensor> downs;
  for (const LowRankPart& part : parts) {
    downs.push_back(part.a.contiguous());
    parts_.push_back({downs.back(),
                      part.b.contiguous(),
                      {},
                      {},
                      part.out_begin,
                      width_,
                      part.a.size(0),
                      part.scaling});
    width_ += part.a.size(0);
  }
  if (!device.is_cpu()) {
    // 128 bytes of bfloat16: rows that begin elsewhere in a cache's lines make products slower.
    constexpr std::int64_t kWhole = 64;
    room_ = (width_ + kWhole - 1) / kWhole * kWhole;
    const auto options = at::TensorOptions(dtype).device(device);
    move_to(at::empty({out, room_}, options), at::empty({room_, downs.front().size(1)}, options));
    assign(parts);
    return;
  }
  at::Tensor up = at::zeros({out, width_}, downs.front().options());
  for (const Part& part : parts_) {
    up.narrow(0, part.out_begin, part.b.size(0))
        .narrow(1, part.column, part.lora_rank)
        .copy_(at::mul(part.b, part.scaling));
  }
  for (Part& part : parts_) {
    part.a = part.a.clone();
    part.a_columns = pack_skinny(part.a.t(), dtype);
    part.b_rows = pack_skinny(part.b, dtype);
  }
  input_panels_ = pack_panels(at::cat(downs).t().contiguous());
  up_ = columns == Columns::plain
            ? pack_panels(up)
            : pack_panels(up.narrow(0, 0, out / 2), up.narrow(0, out / 2, out / 2));
  up_columns_ = block_columns(out, columns);
}

void LowRankUpdate::move_to(const at::Tensor& up, const at::Tensor& down_rows) {
  at::Tensor new_up = up, new_down = down_rows;
  new_up.zero_();
  new_down.zero_();
  for (Part& part : parts_) {
    const at::Tensor a = new_down.narrow(0, part.column, part.lora_rank),
                     b = new_up.narrow(0, part.out_begin, part.b.size(0))
                             .narrow(1, part.column, part.lora_rank);
    if (up_.defined()) {
      a.copy_(part.a);
      b.copy_(part.b);
    }
    part.a = a;
    part.b = b;
  }
  up_ = new_up;
  down_ = new_down;
}

bool LowRankUpdate::takes(std::span<const LowRankPart> parts) const {
  return std::ranges::equal(parts, parts_, [](const LowRankPart& found, const Part& part) {
    return found.a.sizes() == part.a.sizes() && found.b.sizes() == part.b.sizes() &&
           found.out_begin == part.out_begin && found.scaling == part.scaling;
  });
}

void LowRankUpdate::assign(std::span<const LowRankPart> parts) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts_[i].a.copy_(parts[i].a);
    // Scaled before it is rounded.
    if (parts[i].b.device() == up_.device()) {
      at::mul_out(parts_[i].b, parts[i].b, at::scalar_tensor(parts_[i].scaling));
    } else {
      parts_[i].b.copy_(at::mul(parts[i].b, parts_[i].scaling));
    }
  }
}

// Of each half of each panel of `up`: the columns from the first to the last block in it.
at::Tensor LowRankUpdate::block_columns(std::int64_t out, Columns columns) const {
  const std::int64_t half = cpu::select_kernels().panel / 2;
  const bool gated = columns == Columns::gated;
  const std::int64_t rows = gated ? out / 2 : out;
  const std::int64_t panels = panel_count(rows, gated);
  at::Tensor all = at::zeros({panels, 2, 2}, at::TensorOptions(c10::ScalarType::Long));
  auto* const ranges = reinterpret_cast<cpu::ColumnRange*>(all.mutable_data_ptr<std::int64_t>());
  for (std::int64_t i = 0; i < 2 * panels; ++i) {
    const std::int64_t begin = gated ? i / 2 * half + i % 2 * rows : i * half;
    const std::int64_t end = std::min(begin + half, gated ? rows + i % 2 * rows : rows);
    for (const Part& part : parts_) {
      if (part.out_begin >= end || part.out_begin + part.b.size(0) <= begin) continue;
      if (ranges[i].end == 0) ranges[i].begin = part.column;
      ranges[i].end = part.column + part.lora_rank;
    }
  }
  return all;
}

at::Tensor LowRankUpdate::down(const at::Tensor& x, LowRankTape* tape) const {
  const bool masked = tape && !tape->masks.empty();
  check(!masked || tape->masks.size() == parts_.size(),
        "LoRA dropout: one mask a part is expected");
  at::Tensor product;
  if (x.is_cpu()) {
    product = down_cpu(x, masked ? *tape : LowRankTape{});
  } else {
    product = masked ? cuda::dropped_down(x, dropped(*tape), room_, kept_scale(*tape))
                     : at::linear(x, down_);
  }
  if (tape) tape->product = product;
  return product;
}

std::vector<cuda::DroppedPart> LowRankUpdate::dropped(const LowRankTape& tape) const {
  std::vector<cuda::DroppedPart> all;
  for (std::size_t i = 0; i < parts_.size(); ++i)
    all.push_back({parts_[i].a, tape.masks[i], parts_[i].column});
  return all;
}

at::Tensor LowRankUpdate::down_cpu(const at::Tensor& x, const LowRankTape& tape) const {
  at::Tensor product = at::empty({x.size(0), width_}, x.options().dtype(c10::ScalarType::Float));
  const cpu::BackwardKernels& kernels = cpu::select_backward();
  for_each_block(x.size(0), kTaskRows, static_cast<std::int64_t>(parts_.size()),
                 [&](std::int64_t i, std::int64_t begin, std::int64_t end) {
                   const Part& part = parts_[static_cast<std::size_t>(i)];
                   cpu::SkinnyArgs args;
                   args.in = storage_of(x.scalar_type());
                   args.a = x.const_data_ptr();
                   args.lda = args.k = x.size(1);
                   args.mask = mask_of(tape, static_cast<std::size_t>(i));
                   args.b = part.a_columns.const_data_ptr<float>();
                   args.columns = part.lora_rank;
                   args.factor = kept_scale(tape);
                   args.out = product.mutable_data_ptr<float>() + part.column;
                   args.ldo = width_;
                   kernels.skinny(args, begin, end);
                 });
  return product;
}

at::Tensor LowRankUpdate::backward(const at::Tensor& dy, const at::Tensor& x,
                                   const LowRankTape& tape, std::span<const LowRankPart> grads,
                                   at::Tensor u) const {
  if (parts_.empty()) return {};
  check(grads.size() == parts_.size(), "LoRA backward: one gradient a part is expected");
  if (!dy.is_cpu()) {
    if (!u.defined()) u = at::empty({dy.size(0), room_}, dy.options());
    backward_cuda(dy, x, tape, grads, u);
    return u;
  }
  const cpu::BackwardKernels& kernels = cpu::select_backward();
  const cpu::Storage storage = storage_of(dy.scalar_type());
  const std::int64_t rows = dy.size(0), out = dy.size(1), in = x.size(1);
  const auto count = static_cast<std::int64_t>(parts_.size());

  u = at::empty({rows, width_}, tape.product.options());  // scaling · dy · b
  float* const u_data = u.mutable_data_ptr<float>();
  for_each_block(rows, kTaskRows, count, [&](std::int64_t i, std::int64_t begin, std::int64_t end) {
    const Part& part = parts_[static_cast<std::size_t>(i)];
    cpu::SkinnyArgs args;
    args.in = storage;
    args.a = at_column(dy, part.out_begin);
    args.lda = out;
    args.k = part.b.size(0);
    args.b = part.b_rows.const_data_ptr<float>();
    args.columns = part.lora_rank;
    args.factor = static_cast<float>(part.scaling);
    args.out = u_data + part.column;
    args.ldo = width_;
    kernels.skinny(args, begin, end);
  });

  struct Slice {  // columns of a part's a, or rows of its b
    std::size_t part;
    bool of_a;
    std::int64_t begin, end;
  };
  std::vector<Slice> slices;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    for (const bool of_a : {true, false}) {
      const std::int64_t size = of_a ? in : parts_[i].b.size(0);
      for (std::int64_t begin = 0; begin < size; begin += kTaskColumns)
        slices.push_back({i, of_a, begin, std::min(size, begin + kTaskColumns)});
    }
  }
  for_each_task(static_cast<std::int64_t>(slices.size()), [&](std::int64_t task) {
    const Slice& slice = slices[static_cast<std::size_t>(task)];
    const Part& part = parts_[slice.part];
    const LowRankPart& grad = grads[slice.part];
    cpu::OuterArgs args;
    args.storage = storage;
    args.lds = width_;
    args.m = part.lora_rank;
    args.rows = rows;
    if (slice.of_a) {
      args.wide = x.const_data_ptr();
      args.ldw = in;
      args.mask = mask_of(tape, slice.part);
      args.small = u_data + part.column;
      args.factor = kept_scale(tape);
      args.out = grad.a.mutable_data_ptr<float>();
      args.ldo = in;
    } else {
      args.wide = at_column(dy, part.out_begin);
      args.ldw = out;
      args.small = tape.product.const_data_ptr<float>() + part.column;
      args.factor = static_cast<float>(part.scaling);
      args.out = grad.b.mutable_data_ptr<float>();
      args.column_stride = part.lora_rank;
    }
    kernels.outer(args, slice.begin, slice.end);
  });
  return u;
}

void LowRankUpdate::add_input_gradient(const at::Tensor& u, const LowRankTape& tape,
                                       at::Tensor& dx) const {
  if (!u.is_cpu()) {
    cuda::add_dropped_input_gradient(u, dropped(tape), kept_scale(tape), dx);
    return;
  }
  std::vector<cpu::InputGradPart> input_parts;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    input_parts.push_back({u.const_data_ptr<float>() + part.column, part.a.const_data_ptr<float>(),
                           width_, part.lora_rank, mask_of(tape, i)});
  }
  cpu::InputGradArgs args;
  args.storage = storage_of(dx.scalar_type());
  args.dx = dx.mutable_data_ptr();
  args.n = dx.size(1);
  args.parts = input_parts.data();
  args.count = static_cast<std::int64_t>(parts_.size());
  args.factor = kept_scale(tape);
  for_each_block(dx.size(0), kTaskRows, 1, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    cpu::select_backward().input_grad(args, begin, end);
  });
}

// The blocks of the parts side by side are one matrix, so that each product reads its wide operand
// once.
void LowRankUpdate::backward_cuda(const at::Tensor& dy, const at::Tensor& x,
                                  const LowRankTape& tape, std::span<const LowRankPart> grads,
                                  at::Tensor& u) const {
  const auto product = [](const at::Tensor& left, const at::Tensor& right) {
    return left.scalar_type() == c10::ScalarType::Float
               ? at::mm(left, right)
               : at::mm(left, right, c10::ScalarType::Float);
  };
  at::mm_out(u, dy, up_);
  const bool masked = !tape.masks.empty();
  const at::Tensor down_grad = masked ? at::Tensor() : product(u.t(), x);  // [room, in]
  // [out, room]: of each part, its own rows and columns count.
  const at::Tensor up_grad = product(dy.t(), tape.product);
  std::vector<at::Tensor> a_grads;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    grads[i].b.add_(
        up_grad.narrow(0, part.out_begin, part.b.size(0)).narrow(1, part.column, part.lora_rank),
        part.scaling);
    if (!masked) grads[i].a.add_(down_grad.narrow(0, part.column, part.lora_rank));
    a_grads.push_back(grads[i].a);
  }
  if (masked) cuda::add_dropped_gradient(u, x, dropped(tape), kept_scale(tape), a_grads);
}

}  // namespace tradeoff::model
