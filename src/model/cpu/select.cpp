#include <cstdlib>
#include <string>
#include <string_view>

#include "backward.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::model::cpu {
namespace {

const Kernels& choose() {
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq");
  const bool bf16 = avx512 && __builtin_cpu_supports("avx512bf16");
  const char* const asked = std::getenv("TRADEOFF_CPU_KERNELS");
  const std::string name = asked    ? asked
                           : bf16   ? "avx512bf16"
                           : avx512 ? "avx512"
                           : avx2   ? "avx2"
                                    : "baseline";
  if (name == "baseline") return kernels_baseline();
  if (name == "avx2" && avx2) return kernels_avx2();
  if (name == "avx512" && avx512) return kernels_avx512();
  if (name == "avx512bf16" && bf16) return kernels_avx512bf16();
  fail("TRADEOFF_CPU_KERNELS=" + name +
       ": expected baseline, avx2, avx512 or avx512bf16, and a processor that has it");
}

const BackwardKernels& backward_of(std::string_view name) {
  if (name == "avx512bf16") return backward_avx512bf16();
  if (name == "avx512") return backward_avx512();
  return name == "avx2" ? backward_avx2() : backward_baseline();
}

}  // namespace

const Kernels& select_kernels() {
  static const Kernels& kernels = choose();
  return kernels;
}

const BackwardKernels& select_backward() {
  static const BackwardKernels& kernels = backward_of(select_kernels().name);
  return kernels;
}

}  // namespace tradeoff::model::cpu
