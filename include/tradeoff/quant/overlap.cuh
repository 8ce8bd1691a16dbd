#pragma once
// Kernels of a recorded graph that begin while the one before still ends: a decode step is some
// three hundred short ones, and starting them took a tenth of its time.
#include <c10/cuda/CUDAException.h>
#include <cuda_runtime.h>

namespace tradeoff::quant {

/// Asks for what lies at `address`, without waiting: of weights, before wait_for_inputs.
__device__ inline void bring_near(const void* address) {
  asm volatile("prefetch.global.L2 [%0];" ::"l"(address));
}

/// Waits until all kernels before are done and what they wrote is seen. Every thread of a kernel
/// that `launch` starts calls it; before it, it may read only what no kernel of the graph writes
/// (weights).
__device__ inline void wait_for_inputs() {
#if __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
#endif
}

/// Lets the next kernel's blocks take what is free of the card, where they wait in turn. Called
/// after wait_for_inputs, so that two kernels at most are under way.
__device__ inline void let_next_begin() {
#if __CUDA_ARCH__ >= 900
  cudaTriggerProgrammaticLaunchCompletion();
#endif
}

/// That so many neighbouring blocks are a cluster.
inline cudaLaunchAttribute cluster_of(unsigned blocks) {
  cudaLaunchAttribute attribute;
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = blocks;
  attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
  return attribute;
}

/// Starts `kernel` on `stream`: while that is recorded, and the kernel was compiled for a card that
/// can do so (compute capability 9.0), as one that begins before the kernel ahead of it has ended.
/// `cluster` neighbouring blocks run at once and see each other's shared memory; more than one
/// needs such a card too.
template <typename... Parameters, typename... Arguments>
void launch_clusters(void (*kernel)(Parameters...), dim3 grid, unsigned cluster, unsigned threads,
                     std::size_t shared_bytes, cudaStream_t stream, Arguments... arguments) {
  cudaStreamCaptureStatus recording = cudaStreamCaptureStatusNone;
  C10_CUDA_CHECK(cudaStreamIsCapturing(stream, &recording));
  bool overlaps = recording == cudaStreamCaptureStatusActive;
  if (overlaps) {
    cudaFuncAttributes compiled;
    C10_CUDA_CHECK(cudaFuncGetAttributes(&compiled, kernel));
    overlaps = compiled.ptxVersion >= 90;
  }
  cudaLaunchAttribute attributes[2];
  unsigned count = 0;
  if (overlaps) {
    attributes[count].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[count++].val.programmaticStreamSerializationAllowed = 1;
  }
  if (cluster > 1) attributes[count++] = cluster_of(cluster);
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  config.attrs = attributes;
  config.numAttrs = count;
  C10_CUDA_CHECK(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...));
}

/// launch_clusters of blocks that see their own shared memory alone.
template <typename... Parameters, typename... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, unsigned threads, std::size_t shared_bytes,
            cudaStream_t stream, Arguments... arguments) {
  launch_clusters(kernel, grid, 1, threads, shared_bytes, stream, arguments...);
}

}  // namespace tradeoff::quant
