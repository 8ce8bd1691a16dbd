#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tradeoff/sql/sandbox/execute.hpp"

namespace tradeoff::sql {

/// Executors for any number of threads: taken for one call, put back after it, started when none is
/// idle.
class ExecutorPool {
 public:
  explicit ExecutorPool(ExecuteOptions options);

  /// Holds one executor until it goes out of scope.
  class Lease {
   public:
    Lease(ExecutorPool& pool, std::unique_ptr<Executor> executor)
        : pool_(pool), executor_(std::move(executor)) {}
    ~Lease() { pool_.put_back(std::move(executor_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Executor* operator->() { return executor_.get(); }
    Executor& operator*() { return *executor_; }

   private:
    ExecutorPool& pool_;
    std::unique_ptr<Executor> executor_;
  };
  Lease take();

 private:
  void put_back(std::unique_ptr<Executor> executor);

  ExecuteOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Executor>> idle_;
};

/// Results of gold queries by (database file, text). Thread-safe. Forgets everything when it holds
/// more than `max_bytes`.
class ResultCache {
 public:
  explicit ResultCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  std::shared_ptr<const Result> find(const std::filesystem::path& database, std::string_view sql);
  std::shared_ptr<const Result> insert(const std::filesystem::path& database, std::string_view sql,
                                       Result result);

 private:
  std::size_t max_bytes_, bytes_ = 0;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const Result>> results_;
};

}  // namespace tradeoff::sql
