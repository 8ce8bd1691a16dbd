#include "judge_threads.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <utility>

namespace tradeoff::study {

JudgeThreads::JudgeThreads(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
}

JudgeThreads::~JudgeThreads() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

void JudgeThreads::add(std::function<void()> work) {
  const std::scoped_lock lock(mutex_);
  waiting_.push_back(std::move(work));
  added_.notify_one();
}

void JudgeThreads::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (added_.wait(lock, stop, [this] { return !waiting_.empty(); }) && !stop.stop_requested()) {
    const std::function<void()> next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    next();
    lock.lock();
  }
}

std::size_t judge_thread_count() {
  // More would take the processors from the ranks' own work for little: a query takes milliseconds.
  constexpr int kMost = 4, kShare = 4;
  return static_cast<std::size_t>(std::clamp(at::get_num_threads() / kShare, 1, kMost));
}

}  // namespace tradeoff::study
