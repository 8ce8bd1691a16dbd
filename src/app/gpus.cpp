#include <dlfcn.h>

#include <memory>

#include "machine.hpp"

namespace tradeoff::app {
namespace {

// CUdevice_attribute numbers of cuda.h.
constexpr int kCapabilityMajor = 75, kCapabilityMinor = 76;

// The few calls of the CUDA driver API (cuda.h) that are needed; 0 is CUDA_SUCCESS.
struct Driver {
  int (*init)(unsigned);
  int (*version)(int*);
  int (*count)(int*);
  int (*get)(int*, int);
  int (*name)(char*, int, int);
  int (*memory)(std::size_t*, int);
  int (*attribute)(int*, int, int);
};

template <typename F>
bool find(void* library, const char* name, F& function) {
  function = reinterpret_cast<F>(::dlsym(library, name));
  return function != nullptr;
}

}  // namespace

GpuFacts gpu_facts() {
  GpuFacts facts;
  const auto close = [](void* handle) {
    if (handle) ::dlclose(handle);
  };
  const std::unique_ptr<void, decltype(close)> library(
      ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL), close);
  if (!library) {
    facts.why_none = "no NVIDIA driver (libcuda.so.1 is not there)";
    return facts;
  }
  Driver driver{};
  if (!find(library.get(), "cuInit", driver.init) ||
      !find(library.get(), "cuDriverGetVersion", driver.version) ||
      !find(library.get(), "cuDeviceGetCount", driver.count) ||
      !find(library.get(), "cuDeviceGet", driver.get) ||
      !find(library.get(), "cuDeviceGetName", driver.name) ||
      !find(library.get(), "cuDeviceTotalMem_v2", driver.memory) ||
      !find(library.get(), "cuDeviceGetAttribute", driver.attribute)) {
    facts.why_none = "libcuda.so.1 lacks a function of the driver API";
    return facts;
  }
  int code = driver.init(0), count = 0;
  driver.version(&facts.driver_cuda);
  if (code == 0) code = driver.count(&count);
  if (code != 0 || count == 0) {
    facts.why_none = code == 0 || code == 100 ? "the NVIDIA driver shows no GPU"
                                              : "the NVIDIA driver does not start (CUDA error " +
                                                    std::to_string(code) + ")";
    return facts;
  }
  for (int i = 0; i < count; ++i) {
    int device = 0;
    char name[128] = "";
    std::size_t bytes = 0;
    Gpu gpu;
    if (driver.get(&device, i) != 0) continue;
    driver.name(name, sizeof name, device);
    driver.memory(&bytes, device);
    driver.attribute(&gpu.capability_major, kCapabilityMajor, device);
    driver.attribute(&gpu.capability_minor, kCapabilityMinor, device);
    gpu.name = name;
    gpu.memory_bytes = bytes;
    facts.gpus.push_back(gpu);
  }
  return facts;
}

}  // namespace tradeoff::app
