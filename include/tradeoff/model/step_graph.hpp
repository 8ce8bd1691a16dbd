#pragma once
#include <functional>
#include <memory>

namespace tradeoff::model {

/// Work of one GPU stream, recorded once and then started as a whole (a CUDA graph). The tensors
/// that the work reads and writes must stay where they are. Not thread-safe.
class StepGraph {
 public:
  StepGraph();
  ~StepGraph();
  StepGraph(StepGraph&&) noexcept;
  StepGraph& operator=(StepGraph&&) noexcept;
  /// Does `work` once, so that libraries set themselves up, then records it without doing it.
  void record(const std::function<void()>& work);
  bool recorded() const;
  /// Enqueues the recorded work on the current stream.
  void replay();

 private:
  struct Recorded;
  std::unique_ptr<Recorded> recorded_;
};

}  // namespace tradeoff::model
