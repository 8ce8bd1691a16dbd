#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <utility>

#include "tradeoff/base/error.hpp"
#include "tradeoff/model/host_shelf.hpp"

namespace tradeoff::model {
namespace {

constexpr std::size_t kAlignment = 256;

std::size_t room_of(const at::Tensor& tensor) {
  return (tensor.nbytes() + kAlignment - 1) / kAlignment * kAlignment;
}

struct Event {
  cudaEvent_t event = nullptr;
  Event() { C10_CUDA_CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming)); }
  ~Event() { cudaEventDestroy(event); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
};

// Memory of the host that copies by the GPU may read and write.
struct Pinned {
  std::byte* bytes = nullptr;
  std::size_t size = 0;
  Pinned() = default;
  ~Pinned() {
    if (bytes) cudaFreeHost(bytes);
  }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

  void grow(std::size_t wanted) {
    if (wanted <= size) return;
    if (bytes) cudaFreeHost(std::exchange(bytes, nullptr));
    size = 0;
    void* got = nullptr;
    if (cudaHostAlloc(&got, wanted, cudaHostAllocDefault) != cudaSuccess) {
      cudaGetLastError();
      fail(
          fmt::format("{} MiB of host memory could not be pinned for activations; --recompute "
                      "layer keeps them on the GPU",
                      wanted >> 20));
    }
    bytes = static_cast<std::byte*>(got);
    size = wanted;
  }
};

}  // namespace

struct HostShelf::State {
  struct Place {
    Pinned memory;
    std::vector<at::Tensor> out;      // on their way to the host; later of their shapes alone
    std::vector<at::Tensor> fetched;  // on their way back
    bool coming = false;
    Event left, arrived, ready;
  };

  explicit State(c10::Device on)
      : device(on), copies(c10::cuda::getStreamFromPool(false, on.index())) {}
  // Copies under way still write to the memory of the places.
  ~State() { cudaStreamSynchronize(copies.stream()); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  c10::Device device;
  c10::cuda::CUDAStream copies;
  std::vector<std::unique_ptr<Place>> places;
  Place* leaving = nullptr;  // put last

  Place& place(std::size_t index) {
    while (places.size() <= index) places.push_back(std::make_unique<Place>());
    return *places[index];
  }

  // From here on the current stream may write over what left.
  void settle() {
    if (!leaving) return;
    C10_CUDA_CHECK(cudaStreamWaitEvent(c10::cuda::getCurrentCUDAStream(), leaving->left.event));
    for (at::Tensor& tensor : leaving->out)
      if (tensor.defined()) tensor = at::empty(tensor.sizes(), tensor.options().device(c10::kMeta));
    leaving = nullptr;
  }
};

HostShelf::HostShelf(c10::Device device) {
  check(device.is_cuda(), "HostShelf: of a GPU alone");
  state_ = std::make_unique<State>(device);
}
HostShelf::~HostShelf() = default;
HostShelf::HostShelf(HostShelf&&) noexcept = default;
HostShelf& HostShelf::operator=(HostShelf&&) noexcept = default;

void HostShelf::put(std::size_t index, std::vector<at::Tensor> tensors) {
  state_->settle();
  State::Place& place = state_->place(index);
  std::size_t wanted = 0;
  for (at::Tensor& tensor : tensors) {
    if (!tensor.defined()) continue;
    tensor = tensor.contiguous();
    wanted += room_of(tensor);
  }
  if (wanted > place.memory.size) state_->copies.synchronize();
  place.memory.grow(wanted);
  C10_CUDA_CHECK(cudaEventRecord(place.ready.event, c10::cuda::getCurrentCUDAStream()));
  C10_CUDA_CHECK(cudaStreamWaitEvent(state_->copies, place.ready.event));
  std::byte* to = place.memory.bytes;
  for (const at::Tensor& tensor : tensors) {
    if (!tensor.defined()) continue;
    C10_CUDA_CHECK(cudaMemcpyAsync(to, tensor.const_data_ptr(), tensor.nbytes(),
                                   cudaMemcpyDeviceToHost, state_->copies));
    to += room_of(tensor);
  }
  C10_CUDA_CHECK(cudaEventRecord(place.left.event, state_->copies));
  place.out = std::move(tensors);
  place.coming = false;
  state_->leaving = &place;
}

void HostShelf::fetch(std::size_t index) {
  State::Place& place = state_->place(index);
  if (place.coming) return;
  if (state_->leaving == &place) state_->settle();
  place.fetched.clear();
  for (const at::Tensor& tensor : place.out)
    place.fetched.push_back(tensor.defined()
                                ? at::empty(tensor.sizes(), tensor.options().device(state_->device))
                                : tensor);
  // The new memory may still be read by what the current stream was given before.
  C10_CUDA_CHECK(cudaEventRecord(place.ready.event, c10::cuda::getCurrentCUDAStream()));
  C10_CUDA_CHECK(cudaStreamWaitEvent(state_->copies, place.ready.event));
  const std::byte* from = place.memory.bytes;
  for (const at::Tensor& tensor : place.fetched) {
    if (!tensor.defined()) continue;
    C10_CUDA_CHECK(cudaMemcpyAsync(tensor.mutable_data_ptr(), from, tensor.nbytes(),
                                   cudaMemcpyHostToDevice, state_->copies));
    from += room_of(tensor);
  }
  C10_CUDA_CHECK(cudaEventRecord(place.arrived.event, state_->copies));
  place.coming = true;
}

std::vector<at::Tensor> HostShelf::take(std::size_t index) {
  fetch(index);
  State::Place& place = state_->place(index);
  C10_CUDA_CHECK(cudaStreamWaitEvent(c10::cuda::getCurrentCUDAStream(), place.arrived.event));
  place.coming = false;
  return std::exchange(place.fetched, {});
}

}  // namespace tradeoff::model
