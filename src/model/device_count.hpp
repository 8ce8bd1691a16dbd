#pragma once

/// device_cuda.cpp, or no_cuda_device.cpp where the build has no CUDA compiler.
namespace tradeoff::model::cuda {

int device_count();
/// Makes GPU `index` the current one and fixes what could make two runs differ.
void use_device(int index);
/// Memory of the current GPU.
long memory_bytes();
/// Waits for the current stream.
void synchronise();
/// Of PyTorch's allocator on the current GPU; the CUDA context's share counts to the limit.
void release_unused();
void limit_memory(long bytes);
/// What PyTorch's allocator has given out of the current GPU, and a share for the CUDA context.
long allocated_bytes();
/// Of PyTorch's allocator on the current GPU.
void reset_peak_memory();
long peak_memory_bytes();

}  // namespace tradeoff::model::cuda
