#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "tradeoff/comm/chunk_counter.hpp"

namespace tradeoff::comm {

/// Where a ChunkCounter's numbers come from.
class ChunkCounter::Source {
 public:
  virtual ~Source() = default;
  virtual std::optional<std::uint64_t> next() = 0;
  virtual void close() = 0;
  virtual std::uint64_t taken() const = 0;
  virtual void count(std::uint64_t items) = 0;
  virtual std::uint64_t counted() const = 0;
  /// The collective end; not called on the exception path, where only the destructor runs.
  virtual void leave() = 0;
};

std::unique_ptr<ChunkCounter::Source> make_shared_memory_source(const Session& session,
                                                                std::uint64_t count);
std::unique_ptr<ChunkCounter::Source> make_server_source(const Session& session,
                                                         std::uint64_t count);

}  // namespace tradeoff::comm
