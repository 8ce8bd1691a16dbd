#pragma once
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace tradeoff::model {

/// Tensors of a GPU that wait in pinned host memory, copied there and back on a stream of their own
/// while the current stream computes. A shelf has places 0, 1, ...; a place's memory is kept for
/// the next time. Not thread-safe.
class HostShelf {
 public:
  /// Throws Error where `device` is no GPU.
  explicit HostShelf(c10::Device device);
  ~HostShelf();
  HostShelf(HostShelf&&) noexcept;
  HostShelf& operator=(HostShelf&&) noexcept;

  /// Starts the copy of `tensors` as the current stream leaves them; undefined ones stay so. Their
  /// memory on the GPU is free again from the next put on, or with fetch. Throws Error where the
  /// host has no memory to pin.
  void put(std::size_t place, std::vector<at::Tensor> tensors);
  /// Starts the way back. Before it, the place was filled by put.
  void fetch(std::size_t place);
  /// The tensors of a place on the GPU, contiguous, for the current stream; fetches them where
  /// fetch has not.
  std::vector<at::Tensor> take(std::size_t place);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tradeoff::model
