#include "ops_cuda.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::model::cuda {
namespace {
[[noreturn]] void off() {
  fail("this build has no CUDA kernels; run jobs/setup.sh --cuda on, or use --device cpu");
}
}  // namespace

bool compiled() {
  return false;
}
at::Tensor rms_norm(const at::Tensor&, const at::Tensor&, double, std::int64_t) {
  off();
}
void norm_columns_(at::Tensor&, std::int64_t, std::int64_t, const at::Tensor&, double) {
  off();
}
at::Tensor rope_scatter(const at::Tensor&, const RopeShape&, const at::Tensor&, const at::Tensor&,
                        const at::Tensor&, at::Tensor&, at::Tensor&) {
  off();
}
at::Tensor gated_product(const at::Tensor&, Activation, std::int64_t) {
  off();
}
at::Tensor argmax_rows(const at::Tensor&) {
  off();
}
at::Tensor rms_norm_backward(const at::Tensor&, const at::Tensor&, double, const at::Tensor&,
                             const at::Tensor&, std::int64_t) {
  off();
}
at::Tensor rope_backward(const at::Tensor&, const at::Tensor&, const at::Tensor&, const RopeShape&,
                         const at::Tensor&, const at::Tensor&, const at::Tensor&, c10::ScalarType,
                         std::int64_t) {
  off();
}
void norm_columns_backward_(at::Tensor&, const at::Tensor&, std::int64_t, std::int64_t,
                            const at::Tensor&, double) {
  off();
}
at::Tensor gated_backward(const at::Tensor&, const at::Tensor&, Activation, std::int64_t) {
  off();
}
LossGradient cross_entropy(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                           c10::ScalarType) {
  off();
}
at::Tensor dropout_mask(const DropoutRows&, std::int64_t, std::int64_t, std::uint32_t) {
  off();
}
at::Tensor dropped_down(const at::Tensor&, std::span<const DroppedPart>, std::int64_t, double) {
  off();
}
void add_dropped_gradient(const at::Tensor&, const at::Tensor&, std::span<const DroppedPart>,
                          double, std::span<const at::Tensor>) {
  off();
}
void add_dropped_input_gradient(const at::Tensor&, std::span<const DroppedPart>, double,
                                at::Tensor&) {
  off();
}
std::pair<at::Tensor, at::Tensor> attend_level(const at::Tensor&, const at::Tensor&,
                                               const at::Tensor&, const AttentionPattern::Offsets&,
                                               bool, const ScoreRule&) {
  off();
}
at::Tensor merge_attention(const std::vector<at::Tensor>&, const std::vector<at::Tensor>&) {
  off();
}

}  // namespace tradeoff::model::cuda
