#pragma once
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>

namespace tradeoff::model {

enum class DeviceChoice { automatic, cpu, cuda };
enum class DtypeChoice { automatic, float32, bfloat16, float16 };

/// GPUs this process may use; 0 where the build has no CUDA kernels or the machine has no GPU.
int gpu_count();

/// The device of the rank with `local_rank` on its machine: automatic takes the GPU of that number
/// where there are GPUs, else the CPU. Throws Error where cuda is asked for and missing, or where
/// there are more ranks than GPUs.
c10::Device pick_device(DeviceChoice choice, int local_rank, int local_size);

/// automatic: bfloat16 on a GPU of compute capability 8.0 or later and on processors with
/// AVX512-BF16, float16 on an older GPU, else float32. Throws Error where float16 is asked for on
/// the CPU.
c10::ScalarType pick_dtype(DtypeChoice choice, c10::Device device);

/// Memory of the device in bytes: the GPU's, or what this process may use of the machine's.
std::int64_t memory_bytes(c10::Device device);

/// Waits for what is enqueued on a GPU's current stream.
void synchronise(c10::Device device);

/// Of a GPU: what this process holds of it, the CUDA context's share included, in bytes.
std::int64_t allocated_bytes(c10::Device device);

/// Gives the driver back what this process holds of a GPU without using it.
void release_unused(c10::Device device);
/// From now on this process takes at most `bytes` of the GPU: it gives back what it does not use
/// before it goes beyond, and fails where that is not enough.
void limit_memory(c10::Device device, std::int64_t bytes);

/// Begins a new measurement of peak_memory_bytes.
void reset_peak_memory(c10::Device device);
/// The most memory since then, in bytes: of this process (resident, shared pages included), or what
/// its allocator held of the GPU.
std::int64_t peak_memory_bytes(c10::Device device);

/// What computes on `device`: the CPU kernels' instruction set, or "cuda".
const char* kernels_name(c10::Device device);

/// Threads of this rank's CPU work. 0: the cores this process is bound to; where it is not bound,
/// the machine's cores divided by its ranks. No result depends on it.
void set_threads(int threads, int local_size);

}  // namespace tradeoff::model
