#include "device_count.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::model::cuda {

int device_count() {
  return 0;
}
void use_device(int) {
  fail("this build has no CUDA kernels");
}
long memory_bytes() {
  fail("this build has no CUDA kernels");
}
void reset_peak_memory() {
  fail("this build has no CUDA kernels");
}
long peak_memory_bytes() {
  fail("this build has no CUDA kernels");
}

}  // namespace tradeoff::model::cuda
