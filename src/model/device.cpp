#include "tradeoff/model/device.hpp"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>

#include "cpu/kernels.hpp"
#include "device_count.hpp"
#include "ops_cuda.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/memory_limit.hpp"
#include "tradeoff/quant/capability.hpp"

namespace tradeoff::model {
namespace {
constexpr int kLeastCapability = 75;  // of CUDA 13's compilers and libraries
}

int gpu_count() {
  return cuda::compiled() ? cuda::device_count() : 0;
}

c10::Device pick_device(DeviceChoice choice, int local_rank, int local_size) {
  if (choice == DeviceChoice::cpu) return c10::Device(c10::kCPU);
  const int gpus = gpu_count();
  if (choice == DeviceChoice::automatic && gpus == 0) return c10::Device(c10::kCPU);
  if (gpus == 0) {
    fail(cuda::compiled() ? "--device cuda: this machine shows no GPU"
                          : "--device cuda: this build has no CUDA kernels; jobs/setup.sh "
                            "--cuda on makes one that has");
  }
  // A launcher may show each rank its own GPU alone; then there is one, and it is this rank's.
  if (gpus > 1 && local_size > gpus) {
    fail(fmt::format("{} ranks on this machine, but {} GPUs: start one rank a GPU", local_size,
                     gpus));
  }
  const int index = gpus == 1 ? 0 : local_rank;
  cuda::use_device(index);
  const c10::Device device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
  const int capability = quant::compute_capability(device);
  if (capability < kLeastCapability) {
    fail(fmt::format(
        "GPU {}: compute capability {}.{}, expected {}.{} or later; --device cpu does "
        "without it",
        index, capability / 10, capability % 10, kLeastCapability / 10, kLeastCapability % 10));
  }
  return device;
}

c10::ScalarType pick_dtype(DtypeChoice choice, c10::Device device) {
  if (choice == DtypeChoice::float32) return c10::ScalarType::Float;
  if (choice == DtypeChoice::float16) {
    check(device.is_cuda(), "--dtype float16: for a GPU; expected float32 or bfloat16 on the CPU");
    return c10::ScalarType::Half;
  }
  if (choice == DtypeChoice::bfloat16) return c10::ScalarType::BFloat16;
  if (device.is_cuda())
    return quant::compute_capability(device) < 80 ? c10::ScalarType::Half
                                                  : c10::ScalarType::BFloat16;
  return std::string_view(cpu::select_kernels().name) == "avx512bf16" ? c10::ScalarType::BFloat16
                                                                      : c10::ScalarType::Float;
}

std::int64_t memory_bytes(c10::Device device) {
  if (!device.is_cpu()) return cuda::memory_bytes();
  return usable_memory();
}

void synchronise(c10::Device device) {
  if (!device.is_cpu()) cuda::synchronise();
}

std::int64_t allocated_bytes(c10::Device device) {
  check(device.is_cuda(), "allocated_bytes: of a GPU alone");
  return cuda::allocated_bytes();
}

void release_unused(c10::Device device) {
  if (!device.is_cpu()) cuda::release_unused();
}

void limit_memory(c10::Device device, std::int64_t bytes) {
  check(device.is_cuda(), "limit_memory: of a GPU alone");
  cuda::limit_memory(bytes);
}

void reset_peak_memory(c10::Device device) {
  if (!device.is_cpu()) return cuda::reset_peak_memory();
  // Sets the resident set's high-water mark to what is resident now (proc(5)).
  std::ofstream("/proc/self/clear_refs") << "5";
}

std::int64_t peak_memory_bytes(c10::Device device) {
  if (!device.is_cpu()) return cuda::peak_memory_bytes();
  std::ifstream status("/proc/self/status");
  std::string word;
  std::int64_t kib = 0;
  while (status >> word) {
    if (word == "VmHWM:") status >> kib;
  }
  return kib * 1024;
}

const char* kernels_name(c10::Device device) {
  return device.is_cuda() ? "cuda" : cpu::select_kernels().name;
}

void set_threads(int threads, int local_size) {
  if (threads <= 0) {
    cpu_set_t set;
    const int online = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
    const int bound = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : online;
    threads = bound < online ? bound : online / std::max(local_size, 1);
  }
  at::set_num_threads(std::max(threads, 1));
}

}  // namespace tradeoff::model
