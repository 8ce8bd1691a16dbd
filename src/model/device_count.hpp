#pragma once

/// device_cuda.cpp, or no_cuda_device.cpp where the build has no CUDA compiler.
namespace tradeoff::model::cuda {

int device_count();
/// Makes GPU `index` the current one and fixes what could make two runs differ.
void use_device(int index);
/// Memory of the current GPU.
long memory_bytes();
/// Of PyTorch's allocator on the current GPU.
void reset_peak_memory();
long peak_memory_bytes();

}  // namespace tradeoff::model::cuda
