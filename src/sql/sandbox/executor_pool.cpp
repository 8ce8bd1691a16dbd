#include "executor_pool.hpp"

namespace tradeoff::sql {
namespace {

std::string key_of(const std::filesystem::path& database, std::string_view sql) {
  std::string key = database.string();
  key.push_back('\0');
  return key.append(sql);
}

std::size_t bytes_of(const Result& result) {
  std::size_t bytes = sizeof result + result.rows.cells().size() * sizeof(Value);
  for (const Value& value : result.rows.cells()) bytes += value.bytes.size();
  return bytes;
}

}  // namespace

ExecutorPool::ExecutorPool(ExecuteOptions options) : options_(std::move(options)) {}

ExecutorPool::Lease ExecutorPool::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto executor = std::move(idle_.back());
      idle_.pop_back();
      return Lease(*this, std::move(executor));
    }
  }
  return Lease(*this, std::make_unique<Executor>(options_));
}

void ExecutorPool::put_back(std::unique_ptr<Executor> executor) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(executor));
}

std::shared_ptr<const Result> ResultCache::find(const std::filesystem::path& database,
                                                std::string_view sql) {
  const std::string key = key_of(database, sql);
  const std::lock_guard lock(mutex_);
  const auto found = results_.find(key);
  return found == results_.end() ? nullptr : found->second;
}

std::shared_ptr<const Result> ResultCache::insert(const std::filesystem::path& database,
                                                  std::string_view sql, Result result) {
  std::string key = key_of(database, sql);
  auto shared = std::make_shared<const Result>(std::move(result));
  const std::lock_guard lock(mutex_);
  const std::size_t bytes = bytes_of(*shared) + key.size();
  if (bytes_ + bytes > max_bytes_) {
    results_.clear();
    bytes_ = 0;
  }
  bytes_ += bytes;
  results_.insert_or_assign(std::move(key), shared);
  return shared;
}

}  // namespace tradeoff::sql
