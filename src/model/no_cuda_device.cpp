#include "device_count.hpp"
#include "load/upload.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/model/host_shelf.hpp"
#include "tradeoff/model/key_chains.hpp"
#include "tradeoff/model/step_graph.hpp"

namespace tradeoff::model::cuda {

int device_count() {
  return 0;
}
void use_device(int) {
  fail("this build has no CUDA kernels");
}
void synchronise() {
  fail("this build has no CUDA kernels");
}
void release_unused() {
  fail("this build has no CUDA kernels");
}
void limit_memory(long) {
  fail("this build has no CUDA kernels");
}
long allocated_bytes() {
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

namespace tradeoff::model {

bool takes_chains(c10::Device, std::int64_t) {
  return false;
}
at::Tensor attend_chains(const at::Tensor&, const at::Tensor&, const at::Tensor&, const KeyChains&,
                         const at::Tensor&, const ScoreRule&) {
  fail("this build has no CUDA kernels");
}

struct Upload::State {};
Upload::Upload(c10::Device) {
  fail("this build has no CUDA kernels");
}
Upload::~Upload() = default;
void Upload::add(const std::string&, const at::Tensor&, const at::Tensor&) {}
std::size_t Upload::added() const {
  return 0;
}
void Upload::wait(std::size_t) {}

struct HostShelf::State {};
HostShelf::HostShelf(c10::Device) {
  fail("this build has no CUDA kernels");
}
HostShelf::~HostShelf() = default;
HostShelf::HostShelf(HostShelf&&) noexcept = default;
HostShelf& HostShelf::operator=(HostShelf&&) noexcept = default;
void HostShelf::put(std::size_t, std::vector<at::Tensor>) {
  fail("this build has no CUDA kernels");
}
void HostShelf::fetch(std::size_t) {
  fail("this build has no CUDA kernels");
}
std::vector<at::Tensor> HostShelf::take(std::size_t) {
  fail("this build has no CUDA kernels");
}

struct StepGraph::Recorded {};
StepGraph::StepGraph() = default;
StepGraph::~StepGraph() = default;
StepGraph::StepGraph(StepGraph&&) noexcept = default;
StepGraph& StepGraph::operator=(StepGraph&&) noexcept = default;
void StepGraph::record(const std::function<void()>&) {
  fail("this build has no CUDA kernels");
}
bool StepGraph::recorded() const {
  return false;
}
void StepGraph::replay() {
  fail("this build has no CUDA kernels");
}

}  // namespace tradeoff::model
