#pragma once
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>
#include <string>

namespace tradeoff::model {

/// Copies stored values to a GPU. Several threads read them (from a mapped file, as a rule), check
/// and convert them, each through pinned buffers on a stream of its own. upload_cuda.cpp, or
/// no_cuda_device.cpp, whose functions throw.
class Upload {
 public:
  explicit Upload(c10::Device device);
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  /// Begins to copy `from` (on the CPU, contiguous; it must stay until then) to `to` (on the GPU,
  /// contiguous, as many values), converted to its dtype as Tensor::to does. `what` names it in
  /// errors. Nothing that is enqueued on the current stream may still use to's memory.
  void add(const std::string& what, const at::Tensor& from, const at::Tensor& to);
  /// How many have been added.
  std::size_t added() const;
  /// Returns when the first `count` that were added have arrived. Throws Error naming one that
  /// holds NaN or infinity.
  void wait(std::size_t count);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tradeoff::model
