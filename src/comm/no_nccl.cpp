#include "tradeoff/base/error.hpp"
#include "tradeoff/comm/nccl.hpp"

namespace tradeoff::comm {
namespace {
[[noreturn]] void off() {
  fail(
      "this build has no NCCL: it was made without CUDA; run jobs/setup.sh --cuda on, or use "
      "--device cpu");
}
}  // namespace

struct Nccl::State {};

Nccl::Nccl(const Session&, int, const NcclOptions&) {
  off();
}
Nccl::~Nccl() = default;
void Nccl::all_reduce_sum(float*, std::size_t) {
  off();
}
void Nccl::all_gather(const float*, float*, std::size_t) {
  off();
}
void Nccl::wait() {
  off();
}

}  // namespace tradeoff::comm
