#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "tradeoff/comm/session.hpp"

namespace tradeoff::comm {

/// Hands out the chunks 0, 1, ..., count-1 to whichever rank asks, in this order, each exactly
/// once. On one machine a counter in an MPI shared-memory window; over several a thread on rank 0
/// answers requests, whatever rank 0 computes meanwhile, and a rank far from it asks for its next
/// chunk while it computes the one before. Any number may follow one another in a process.
class ChunkCounter {
 public:
  /// automatic: shared memory where all ranks stand on one machine, else the server.
  enum class Path { automatic, shared_memory, server };

  /// Collective; throws Error on every rank when the counts differ.
  ChunkCounter(const Session& session, std::uint64_t count, Path path = Path::automatic);
  /// Collective: waits for every rank. While an exception passes through it waits for nobody and
  /// frees nothing shared: the exception must reach Session::abort, which ends the other ranks.
  ~ChunkCounter();
  ChunkCounter(const ChunkCounter&) = delete;
  ChunkCounter& operator=(const ChunkCounter&) = delete;

  /// The next chunk for this rank; nullopt when none is left. Not collective; one thread per rank.
  std::optional<std::uint64_t> next();
  /// From now on no rank gets another chunk (a stop signal came), but for one that another rank has
  /// asked for already. Not collective.
  void close();
  /// Chunks handed out so far to all ranks, as far as this rank knows; rank 0 knows all. After
  /// close() some of them may be dropped.
  std::uint64_t taken() const;

  /// This rank has answered `items` more, in a chunk or at its end. Not collective.
  void count(std::uint64_t items);
  /// Items that all ranks have counted so far, as far as this rank knows; rank 0 knows all.
  std::uint64_t counted() const;

  class Source;

 private:
  int exceptions_at_birth_;
  std::unique_ptr<Source> source_;
};

}  // namespace tradeoff::comm
