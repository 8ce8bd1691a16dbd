#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace tradeoff::model {

namespace cuda {
struct DroppedPart;
}

/// Rows [out_begin, out_begin + b.size(0)) of a weight are used as themselves + scaling · b·a.
struct LowRankPart {
  at::Tensor a, b;  // float32 [r, in], [out of the part, r]
  std::int64_t out_begin = 0;
  double scaling = 1;
};

/// Whether the columns of a product stand one after another, or a gated pair's alternate
/// (Linear::gated).
enum class Columns { plain, gated };

/// What the backward pass needs of one application. The caller fills in the dropout, the
/// application the rest.
struct LowRankTape {
  // One mask a part (dropout.hpp); empty: no dropout.
  std::vector<at::Tensor> masks;
  // The probability of dropping; what is kept is scaled by 1 / (1 - dropout).
  double dropout = 0;
  // aᵀ applied to the input, [T, R].
  at::Tensor product;
};

/// The low-rank updates of one (fused) linear layer, in the forms that its products read. Holds
/// copies of the parts' values. R is the sum of the parts' ranks; on the CPU all is float32, on
/// CUDA of the activations' dtype.
class LowRankUpdate {
 public:
  LowRankUpdate() = default;
  /// `out` counts the rows of the weight, those of both matrices for a gated pair. Activations have
  /// `dtype`.
  LowRankUpdate(std::span<const LowRankPart> parts, std::int64_t out, Columns columns,
                c10::Device device, c10::ScalarType dtype);
  /// CUDA: the same for parts of other values, in place. Their shapes are those of the
  /// constructor's.
  void assign(std::span<const LowRankPart> parts);
  /// CUDA: whether `parts` have the constructor's shapes.
  bool takes(std::span<const LowRankPart> parts) const;
  /// CUDA: from now on up() and down_rows() are these tensors, with the values that they have.
  void move_to(const at::Tensor& up, const at::Tensor& down_rows);

  bool empty() const { return parts_.empty(); }
  std::int64_t width() const { return width_; }
  /// CUDA: the columns that x·aᵀ takes behind those of x (room.hpp): the width, filled up with
  /// zeros to whole loads. 0 on the CPU and without parts.
  std::int64_t room() const { return room_; }
  /// x [T, in] → x·aᵀ of all parts side by side, [T, R] ([T, room] on CUDA). A tape's masks are
  /// applied to x, and the result is kept in it.
  at::Tensor down(const at::Tensor& x, LowRankTape* tape = nullptr) const;
  /// scaling · b, block by block: on CUDA [out, room]; on the CPU packed as its products read it,
  /// in panels of neighbouring output columns.
  const at::Tensor& up() const { return up_; }
  /// CUDA: the parts' a one below the other, [room, in].
  const at::Tensor& down_rows() const { return down_; }
  /// CPU: of the first and the second half of each panel the first column of `width()` that is not
  /// 0, and the one behind the last: int64 [panels, 2, 2].
  const at::Tensor& up_columns() const { return up_columns_; }

  /// For dy [T, out], the gradient of the whole layer's product: adds the gradients of a and b to
  /// those of `grads`, which stand for the parts in order (float32, contiguous). x is the
  /// application's input. Returns scaling · dy · b of all parts side by side, [T, R] ([T, room] on
  /// CUDA, where it is written to `u`, which may be the room behind dy), of which
  /// add_input_gradient makes the updates' share of the input's gradient; undefined without parts.
  at::Tensor backward(const at::Tensor& dy, const at::Tensor& x, const LowRankTape& tape,
                      std::span<const LowRankPart> grads, at::Tensor u = {}) const;
  /// dx [T, in] += mask ∘ (u · a), over all parts.
  void add_input_gradient(const at::Tensor& u, const LowRankTape& tape, at::Tensor& dx) const;
  /// CPU: aᵀ of all parts side by side, as panels: u · a in the same product as dy · W.
  const at::Tensor& input_panels() const { return input_panels_; }

 private:
  struct Part {
    at::Tensor a, b;               // [r, in], [out of the part, r]; CUDA: views of down_ and up_
    at::Tensor a_columns, b_rows;  // CPU: aᵀ [in, r] and b [out of the part, r] for the kernels
    std::int64_t out_begin = 0, column = 0, lora_rank = 0;
    double scaling = 1;
  };
  at::Tensor block_columns(std::int64_t out, Columns columns) const;
  at::Tensor down_cpu(const at::Tensor& x, const LowRankTape& tape) const;
  std::vector<cuda::DroppedPart> dropped(const LowRankTape& tape) const;
  void backward_cuda(const at::Tensor& dy, const at::Tensor& x, const LowRankTape& tape,
                     std::span<const LowRankPart> grads, at::Tensor& u) const;

  std::vector<Part> parts_;
  std::int64_t width_ = 0, room_ = 0;
  at::Tensor down_;  // CUDA: [room, in]
  at::Tensor input_panels_;
  at::Tensor up_, up_columns_;
};

}  // namespace tradeoff::model
