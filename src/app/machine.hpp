#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"

namespace tradeoff::app {

struct Gpu {
  std::string name;
  std::uint64_t memory_bytes = 0;
  int capability_major = 0, capability_minor = 0;
};

struct GpuFacts {
  // Where not empty: why there is no GPU to be seen.
  std::string why_none;
  // CUDA version that the driver supports, 13000 for 13.0; 0 without a driver.
  int driver_cuda = 0;
  std::vector<Gpu> gpus;
};

/// Asks NVIDIA's driver library, loaded at run time, so that builds without CUDA can tell too.
GpuFacts gpu_facts();

struct Machine {
  std::string host, system, processor;
  // Cores this process may use, and cores of the machine.
  unsigned cores = 0, machine_cores = 0;
  // Instruction sets that the engine has kernels for, or that PyTorch uses.
  std::vector<std::string> features;
  std::uint64_t memory_bytes = 0, memory_free_bytes = 0;
  GpuFacts gpu;
};

/// What this process can see of the machine.
Machine look_at_machine();
/// For study.json.
Json to_json(const Machine& machine);

/// "torch" → "2.11.0", ...: what this program was built with, in a fixed order.
Json library_versions();

}  // namespace tradeoff::app
