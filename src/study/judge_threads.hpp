#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tradeoff::study {

/// Threads beside the one that has the device: what is added is begun in that order.
class JudgeThreads {
 public:
  explicit JudgeThreads(std::size_t count);
  /// Gives up what is not begun.
  ~JudgeThreads();
  JudgeThreads(const JudgeThreads&) = delete;
  JudgeThreads& operator=(const JudgeThreads&) = delete;

  /// `work` throws nothing.
  void add(std::function<void()> work);

 private:
  void work(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any added_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::jthread> threads_;  // end before what they use does
};

/// How many a rank has: a part of the threads that it computes with on the processor.
std::size_t judge_thread_count();

}  // namespace tradeoff::study
