#include "tradeoff/model/linear.hpp"

#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>

#include <utility>

#include "product.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/model/ops.hpp"
#include "tradeoff/model/room.hpp"

namespace tradeoff::model {
namespace {

// bfloat16 activations need bfloat16 weights; float32 ones take either.
at::Tensor kept(const at::Tensor& weight, c10::ScalarType dtype) {
  return (dtype == c10::ScalarType::BFloat16 ? weight.to(dtype) : weight).contiguous();
}

at::Tensor copy_of(const at::Tensor& tensor, c10::Device device) {
  return tensor.defined() && (device.is_cpu() || tensor.device() != device)
             ? tensor.to(device, tensor.scalar_type(), /*non_blocking=*/false, /*copy=*/true)
             : tensor;
}

}  // namespace

struct Linear::Request {
  const at::Tensor* residual = nullptr;
  LowRankTape* tape = nullptr;
  at::Tensor* pair = nullptr;
  bool gated = false, float_out = false;
  std::int64_t room = 0;  // of a gated result
};

Linear::Linear(const at::Tensor& weight, c10::Device device, c10::ScalarType dtype)
    : in_(weight.size(1)), out_(weight.size(0)), dtype_(dtype), device_(device) {
  weight_ = resident(weight);
}

Linear Linear::gated(const at::Tensor& pair, Activation activation, c10::Device device,
                     c10::ScalarType dtype) {
  Linear linear;
  linear.in_ = pair.size(1);
  linear.out_ = pair.size(0) / 2;
  linear.activation_ = activation;
  linear.dtype_ = dtype;
  linear.device_ = device;
  linear.columns_ = Columns::gated;
  linear.weight_ = linear.resident(pair);
  return linear;
}

void Linear::set_bias(const at::Tensor& bias) {
  check(bias.dim() == 1 && bias.size(0) == rows(), "set_bias: a bias of another size");
  bias_ = bias.to(device_, device_.is_cpu() ? c10::ScalarType::Float : dtype_,
                  /*non_blocking=*/false, /*copy=*/true);
}

Linear Linear::quantised(std::vector<quant::Nf4Weight> parts, Columns columns, c10::Device device,
                         c10::ScalarType dtype, Activation activation) {
  Linear linear;
  linear.activation_ = activation;
  for (quant::Nf4Weight& part : parts) {
    // A copy: the parts may lie in a mapped file.
    part.packed = copy_of(part.packed, device);
    part.absmax = copy_of(part.absmax, device);
    part.quant_map = copy_of(part.quant_map, device);
    part.nested_absmax = copy_of(part.nested_absmax, device);
    part.nested_quant_map = copy_of(part.nested_quant_map, device);
    if (device.is_cuda()) part = quant::without_nesting(part);
    linear.out_ += part.shape.at(0);
    linear.in_ = part.shape.at(1);
  }
  if (columns == Columns::gated) linear.out_ /= 2;
  linear.nf4_ = std::move(parts);
  linear.dtype_ = dtype;
  linear.device_ = device;
  linear.columns_ = columns;
  return linear;
}

// The form in which products read a dense weight [rows, in].
at::Tensor Linear::resident(const at::Tensor& dense) const {
  if (!device_.is_cpu()) return dense.to(device_, dtype_);
  const at::Tensor weight = kept(dense, dtype_);
  if (columns_ == Columns::plain) return pack_panels(weight);
  return pack_panels(weight.narrow(0, 0, out_), weight.narrow(0, out_, out_));
}

void Linear::dequantise_to(const at::Tensor& dense) const {
  std::int64_t row = 0;
  for (const quant::Nf4Weight& part : nf4_) {
    const at::Tensor rows = dense.narrow(0, row, part.shape.at(0));
    if (part.dtype == dense.scalar_type()) {
      quant::dequantise(part, rows);
    } else {
      rows.copy_(quant::dequantise(part));
    }
    row += part.shape.at(0);
  }
}

at::Tensor Linear::dequantised() const {
  // On the CPU a float32 model keeps the weight's own dtype.
  const c10::ScalarType dtype = device_.is_cpu() ? nf4_.front().dtype : dtype_;
  at::Tensor dense = at::empty({rows(), in_}, nf4_.front().packed.options().dtype(dtype));
  dequantise_to(dense);
  return dense;
}

void Linear::set_low_rank(std::span<const LowRankPart> parts) {
  if (!device_.is_cpu() && !parts.empty() && low_rank_.takes(parts)) return low_rank_.assign(parts);
  low_rank_ = LowRankUpdate(parts, rows(), columns_, device_, dtype_);
  if (device_.is_cpu() || !nf4_.empty()) return;
  const std::int64_t room = low_rank_.room();
  if (weight_.size(0) != rows() + room || weight_.size(1) != in_ + room) {
    at::Tensor joined = at::empty({rows() + room, in_ + room}, weight_.options());
    joined.narrow(0, 0, rows())
        .narrow(1, 0, in_)
        .copy_(weight_.narrow(0, 0, rows()).narrow(1, 0, in_));
    weight_ = joined;
  }
  if (room == 0) return;
  low_rank_.move_to(weight_.narrow(0, 0, rows()).narrow(1, in_, room),
                    weight_.narrow(0, rows(), room).narrow(1, 0, in_));
}

at::Tensor Linear::apply(const at::Tensor& x, LowRankTape* tape) const {
  return run(x, {.tape = tape});
}
at::Tensor Linear::apply_add(const at::Tensor& x, const at::Tensor& residual,
                             LowRankTape* tape) const {
  return run(x, {.residual = &residual, .tape = tape});
}
at::Tensor Linear::apply_gated(const at::Tensor& x, LowRankTape* tape, at::Tensor* pair,
                               std::int64_t room) const {
  return run(x, {.tape = tape, .pair = pair, .gated = true, .room = room});
}
at::Tensor Linear::apply_float(const at::Tensor& x) const {
  return run(x, {.float_out = true});
}

// CUDA: [W | scaling b], [rows, in + room].
at::Tensor Linear::forward_weight() const {
  if (nf4_.empty()) return weight_.narrow(0, 0, rows());
  const std::int64_t room = low_rank_.room();
  const at::Tensor weight =
      at::empty({rows(), in_ + room}, nf4_.front().packed.options().dtype(dtype_));
  dequantise_to(weight.narrow(1, 0, in_));
  if (room > 0) weight.narrow(1, in_, room).copy_(low_rank_.up());
  return weight;
}

// CUDA: W and, where there is room, a below it: [rows + room, in].
at::Tensor Linear::transposed_weight(std::int64_t room) const {
  if (nf4_.empty()) return weight_.narrow(0, 0, rows() + room).narrow(1, 0, in_);
  const at::Tensor weight =
      at::empty({rows() + room, in_}, nf4_.front().packed.options().dtype(dtype_));
  dequantise_to(weight.narrow(0, 0, rows()));
  if (room > 0) weight.narrow(0, rows(), room).copy_(low_rank_.down_rows());
  return weight;
}

std::int64_t Linear::room(std::int64_t rows) const {
  return !nf4_.empty() && rows <= quant::kMostProductRows ? 0 : low_rank_.room();
}

at::Tensor Linear::product_cuda(const at::Tensor& x, const at::Tensor& weight) const {
  return bias_.defined() ? at::linear(x, weight, bias_) : at::linear(x, weight);
}

at::Tensor Linear::run_cuda(const at::Tensor& x, const Request& request) const {
  if (request.float_out) {
    const at::Tensor weight = forward_weight();
    return x.scalar_type() == c10::ScalarType::Float
               ? at::linear(x, weight)
               : at::mm(x, weight.t(), c10::ScalarType::Float);
  }
  at::Tensor product;
  const bool few = !nf4_.empty() && quant::takes_product(nf4_, x);
  if (few) {
    product = quant::product(nf4_, x, bias_, request.residual ? *request.residual : at::Tensor());
    if (!low_rank_.empty()) product.addmm_(low_rank_.down(x, request.tape), low_rank_.up().t());
  } else if (low_rank_.empty()) {
    product = product_cuda(x, forward_weight());
  } else {
    // Base and updates in one product: [x | x·aᵀ] · [W | scaling b]ᵀ.
    const at::Tensor joined = with_room(x, low_rank_.room());
    joined.narrow(1, in_, low_rank_.room()).copy_(low_rank_.down(x, request.tape));
    product = product_cuda(joined, forward_weight());
  }
  if (request.gated) {
    if (request.pair) *request.pair = product;
    return gated_product(product, activation_, request.room);
  }
  return request.residual && !few ? at::add(product, *request.residual) : product;
}

at::Tensor Linear::run(const at::Tensor& x, const Request& request) const {
  if (!x.is_cpu()) return run_cuda(x, request);
  const at::Tensor weight = nf4_.empty() ? weight_ : resident(dequantised());
  const std::int64_t row_count = x.size(0);
  const auto out_dtype = request.float_out ? c10::ScalarType::Float : dtype_;
  at::Tensor out = at::empty({row_count, out_}, x.options().dtype(out_dtype));
  cpu::GemmArgs args;
  args.in = storage_of(dtype_);
  args.weights = storage_of(weight.scalar_type());
  args.out_storage = storage_of(out_dtype);
  args.epilogue = request.gated      ? cpu::Epilogue::gated
                  : request.residual ? cpu::Epilogue::add
                                     : cpu::Epilogue::store;
  args.activation = activation_;
  args.bias = bias_.defined() ? bias_.const_data_ptr<float>() : nullptr;
  args.main = {x.const_data_ptr(), in_, in_, weight.const_data_ptr()};
  at::Tensor down;
  if (!low_rank_.empty() && !request.float_out) {
    down = low_rank_.down(x, request.tape);
    args.low_rank = {down.const_data_ptr(), low_rank_.width(), low_rank_.width(),
                     low_rank_.up().const_data_ptr()};
    args.low_rank_columns =
        reinterpret_cast<const cpu::ColumnRange*>(low_rank_.up_columns().const_data_ptr());
  }
  args.out = out.mutable_data_ptr();
  args.residual = request.residual ? request.residual->const_data_ptr() : nullptr;
  if (request.pair) {
    *request.pair = at::empty({row_count, 2 * out_}, out.options());
    args.pair = request.pair->mutable_data_ptr();
  }
  args.ldo = out_;
  args.n = out_;
  run_product(args, row_count);
  return out;
}

void Linear::prepare_backward(const at::Tensor& weight) {
  if (!device_.is_cpu() || !nf4_.empty()) return;
  check(weight.size(0) == rows() && weight.size(1) == in_,
        "prepare_backward: a weight of another shape");
  transposed_ = pack_panels(kept(weight, dtype_).t().contiguous());
}

at::Tensor Linear::backward(const at::Tensor& dy, const at::Tensor& x, const LowRankTape& tape,
                            std::span<const LowRankPart> grads, bool wants_input) const {
  if (!dy.is_cpu()) return backward_cuda(dy, x, tape, grads, wants_input);
  const at::Tensor u = low_rank_.backward(dy, x, tape, grads);
  if (!wants_input) return {};
  const bool joined = u.defined() && tape.masks.empty();
  at::Tensor dx = run_transposed(dy, joined ? u : at::Tensor());
  if (u.defined() && !joined) low_rank_.add_input_gradient(u, tape, dx);
  return dx;
}

// Without dropout the gradient at x is one product too: [dy | u] · [W; a].
at::Tensor Linear::backward_cuda(const at::Tensor& dy, const at::Tensor& x, const LowRankTape& tape,
                                 std::span<const LowRankPart> grads, bool wants_input) const {
  const std::int64_t room = low_rank_.room();
  const bool joined = room > 0 && wants_input && tape.masks.empty();
  at::Tensor whole, u;
  if (joined) {
    whole = with_room(dy, room);
    u = whole.narrow(1, rows(), room);
  }
  u = low_rank_.backward(dy, x, tape, grads, u);
  if (!wants_input) return {};
  if (joined) return at::mm(whole, transposed_weight(room));
  at::Tensor dx = at::mm(dy, transposed_weight(0));
  if (u.defined()) low_rank_.add_input_gradient(u, tape, dx);
  return dx;
}

at::Tensor Linear::apply_transposed(const at::Tensor& dy) const {
  return run_transposed(dy, {});
}

// dy·W + u·a, the second where u is given (CPU).
at::Tensor Linear::run_transposed(const at::Tensor& dy, const at::Tensor& u) const {
  if (!dy.is_cpu()) {
    const at::Tensor weight = transposed_weight(0);
    return at::mm(dy,
                  dy.scalar_type() == weight.scalar_type() ? weight : weight.to(dy.scalar_type()));
  }
  const at::Tensor transposed =
      nf4_.empty() ? transposed_ : pack_panels(kept(dequantised(), dtype_).t().contiguous());
  check(transposed.defined(), "apply_transposed before prepare_backward");
  at::Tensor dx = at::empty({dy.size(0), in_}, dy.options());
  cpu::GemmArgs args;
  args.in = args.out_storage = storage_of(dy.scalar_type());
  args.weights = storage_of(transposed.scalar_type());
  args.main = {dy.const_data_ptr(), rows(), rows(), transposed.const_data_ptr()};
  if (u.defined()) {
    args.low_rank = {u.const_data_ptr(), low_rank_.width(), low_rank_.width(),
                     low_rank_.input_panels().const_data_ptr()};
  }
  args.out = dx.mutable_data_ptr();
  args.ldo = in_;
  args.n = in_;
  run_product(args, dy.size(0));
  return dx;
}

}  // namespace tradeoff::model
