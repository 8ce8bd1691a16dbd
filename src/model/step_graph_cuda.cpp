#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "tradeoff/base/error.hpp"
#include "tradeoff/model/step_graph.hpp"

namespace tradeoff::model {

struct StepGraph::Recorded {
  at::cuda::CUDAGraph graph;
};

StepGraph::StepGraph() = default;
StepGraph::~StepGraph() = default;
StepGraph::StepGraph(StepGraph&&) noexcept = default;
StepGraph& StepGraph::operator=(StepGraph&&) noexcept = default;

void StepGraph::record(const std::function<void()>& work) {
  recorded_.reset();
  auto recorded = std::make_unique<Recorded>();
  // The default stream cannot be recorded.
  const auto before = c10::cuda::getCurrentCUDAStream();
  before.synchronize();
  const auto stream = c10::cuda::getStreamFromPool();
  {
    const c10::cuda::CUDAStreamGuard guard(stream);
    work();
    stream.synchronize();
    recorded->graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    work();
    recorded->graph.capture_end();
  }
  recorded_ = std::move(recorded);
}

bool StepGraph::recorded() const {
  return recorded_ != nullptr;
}

void StepGraph::replay() {
  check(recorded(), "a step graph that was not recorded");
  recorded_->graph.replay();
}

}  // namespace tradeoff::model
