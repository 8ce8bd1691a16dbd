#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <cuda_runtime_api.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "load/finite.hpp"
#include "load/upload.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::model {
namespace {

constexpr std::int64_t kSliceBytes = std::int64_t{8} << 20;
constexpr int kMostThreads = 8;

// Some values of one tensor.
struct Slice {
  std::size_t tensor = 0;
  at::Tensor from;
  void* to = nullptr;
  c10::ScalarType dtype = c10::ScalarType::Byte;  // there
};

// A pinned buffer and the copy that reads it.
struct Buffer {
  void* bytes = nullptr;
  cudaEvent_t copied = nullptr;
  std::optional<std::size_t> tensor;  // of the slice that is under way
};

// Maps the pages at once: a fault for each would take longer than the copy. Where the kernel does
// not know this advice, the faults do it.
void populate(const at::Tensor& values) {
#ifdef MADV_POPULATE_READ
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(values.const_data_ptr()) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(values.const_data_ptr()) + values.nbytes();
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_READ);
#endif
}

}  // namespace

struct Upload::State {
  std::mutex mutex;
  std::condition_variable has_work, arrived;
  std::deque<Slice> queue;
  bool ended = false;
  std::vector<std::string> names;  // of the tensors
  std::vector<std::size_t> left;   // slices of each that have not arrived
  std::string error;
  std::vector<std::thread> threads;

  std::optional<Slice> next(bool block) {
    std::unique_lock lock(mutex);
    if (block) has_work.wait(lock, [&] { return ended || !queue.empty(); });
    if (queue.empty()) return std::nullopt;
    Slice slice = std::move(queue.front());
    queue.pop_front();
    return slice;
  }

  void retire(Buffer& buffer) {
    if (!buffer.tensor) return;
    const cudaError_t status = cudaEventSynchronize(buffer.copied);
    if (status != cudaSuccess) report(cudaGetErrorString(status));
    done(*buffer.tensor);
    buffer.tensor.reset();
  }

  void done(std::size_t tensor) {
    const std::lock_guard lock(mutex);
    if (--left[tensor] == 0) arrived.notify_all();
  }

  void report(const std::string& what) {
    const std::lock_guard lock(mutex);
    if (error.empty()) error = what;
  }

  std::string name_of(const Slice& slice) {
    const std::lock_guard lock(mutex);
    return names[slice.tensor];
  }

  // Reads, checks and converts a slice, and starts its copy.
  void send(const Slice& slice, Buffer& buffer, cudaStream_t stream) {
    populate(slice.from);
    const std::span bytes(static_cast<const std::byte*>(slice.from.const_data_ptr()),
                          slice.from.nbytes());
    if (!all_finite(bytes, slice.from.scalar_type()))
      fail(name_of(slice) + ": found NaN or infinity, expected finite weights");
    at::Tensor host =
        at::from_blob(buffer.bytes, slice.from.sizes(), at::TensorOptions(slice.dtype));
    host.copy_(slice.from);
    const std::span sent(static_cast<const std::byte*>(buffer.bytes), host.nbytes());
    if (slice.dtype != slice.from.scalar_type() && !all_finite(sent, slice.dtype))
      fail(name_of(slice) +
           ": a value beyond the range of float16; expected --dtype bfloat16 or "
           "float32");
    C10_CUDA_CHECK(
        cudaMemcpyAsync(slice.to, buffer.bytes, host.nbytes(), cudaMemcpyHostToDevice, stream));
    C10_CUDA_CHECK(cudaEventRecord(buffer.copied, stream));
  }

  void work(c10::DeviceIndex device) {
    const c10::InferenceMode inference;
    cudaStream_t stream = nullptr;
    std::array<Buffer, 2> buffers;
    try {
      c10::cuda::set_device(device);
      C10_CUDA_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
      for (Buffer& buffer : buffers) {
        C10_CUDA_CHECK(cudaHostAlloc(&buffer.bytes, kSliceBytes, cudaHostAllocDefault));
        C10_CUDA_CHECK(cudaEventCreateWithFlags(&buffer.copied, cudaEventDisableTiming));
      }
    } catch (const std::exception& problem) {
      report(problem.what());
    }
    for (std::size_t at = 0;; at ^= 1) {
      retire(buffers[at]);
      std::optional<Slice> slice = next(/*block=*/false);
      if (!slice) {
        retire(buffers[at ^ 1]);
        slice = next(/*block=*/true);
        if (!slice) break;
      }
      try {
        check(buffers[1].copied != nullptr, "no pinned memory");
        send(*slice, buffers[at], stream);
        buffers[at].tensor = slice->tensor;
      } catch (const std::exception& problem) {
        report(problem.what());
        done(slice->tensor);
      }
    }
    for (Buffer& buffer : buffers) {
      if (buffer.copied) cudaEventDestroy(buffer.copied);
      if (buffer.bytes) cudaFreeHost(buffer.bytes);
    }
    if (stream) cudaStreamDestroy(stream);
  }
};

Upload::Upload(c10::Device device) : state_(std::make_unique<State>()) {
  const int threads = std::clamp(at::get_num_threads(), 1, kMostThreads);
  for (int i = 0; i < threads; ++i)
    state_->threads.emplace_back([state = state_.get(), device] { state->work(device.index()); });
}

Upload::~Upload() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ended = true;
    state_->queue.clear();
  }
  state_->has_work.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

void Upload::add(const std::string& what, const at::Tensor& from, const at::Tensor& to) {
  check(from.is_contiguous() && to.is_contiguous() && from.numel() == to.numel(),
        what + ": an upload to a tensor of another size");
  const at::Tensor flat = from.reshape({-1});
  const std::int64_t values =
      kSliceBytes / std::max<std::int64_t>(from.element_size(), to.element_size());
  {
    const std::lock_guard lock(state_->mutex);
    const std::size_t tensor = state_->names.size();
    state_->names.push_back(what);
    state_->left.push_back(0);
    for (std::int64_t begin = 0; begin < flat.numel(); begin += values) {
      const std::int64_t count = std::min(values, flat.numel() - begin);
      state_->queue.push_back(
          {tensor, flat.narrow(0, begin, count),
           static_cast<char*>(to.mutable_data_ptr()) + begin * to.element_size(),
           to.scalar_type()});
      ++state_->left.back();
    }
  }
  state_->has_work.notify_all();
}

std::size_t Upload::added() const {
  const std::lock_guard lock(state_->mutex);
  return state_->names.size();
}

void Upload::wait(std::size_t count) {
  std::unique_lock lock(state_->mutex);
  state_->arrived.wait(lock, [&] {
    return std::ranges::all_of(state_->left.begin(),
                               state_->left.begin() + static_cast<std::ptrdiff_t>(count),
                               [](std::size_t left) { return left == 0; });
  });
  if (!state_->error.empty()) fail(state_->error);
}

}  // namespace tradeoff::model
