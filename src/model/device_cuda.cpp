#include <ATen/Context.h>
#include <c10/core/AllocatorConfig.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdlib>

#include "device_count.hpp"

namespace tradeoff::model::cuda {
namespace {
constexpr long kContext = 700L << 20;  // the CUDA context: kernels, cuBLAS' workspace
}

int device_count() {
  return c10::cuda::device_count();
}

void use_device(int index) {
  c10::cuda::set_device(static_cast<c10::DeviceIndex>(index));
  at::globalContext().setAllowBF16ReductionCuBLAS(/*allow_reduced_precision=*/false);
}

long memory_bytes() {
  std::size_t free = 0, total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return static_cast<long>(total);
}

void synchronise() {
  c10::cuda::getCurrentCUDAStream().synchronize();
}

void release_unused() {
  c10::cuda::CUDACachingAllocator::emptyCache();
}

void limit_memory(long bytes) {
  // Near the limit blocks of many sizes would leave gaps that fit none. A user's settings stand.
  if (!std::getenv("PYTORCH_ALLOC_CONF") && !std::getenv("PYTORCH_CUDA_ALLOC_CONF"))
    c10::CachingAllocator::setAllocatorSettings("expandable_segments:True");
  const double share =
      static_cast<double>(std::max(bytes - kContext, 0L)) / static_cast<double>(memory_bytes());
  c10::cuda::CUDACachingAllocator::setMemoryFraction(std::min(share, 1.0),
                                                     c10::cuda::current_device());
}

long allocated_bytes() {
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(c10::cuda::current_device());
  constexpr auto kAll = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return stats.allocated_bytes[kAll].current + kContext;
}

void reset_peak_memory() {
  c10::cuda::CUDACachingAllocator::resetPeakStats(c10::cuda::current_device());
}

long peak_memory_bytes() {
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(c10::cuda::current_device());
  constexpr auto kAll = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return stats.reserved_bytes[kAll].peak;
}

}  // namespace tradeoff::model::cuda
