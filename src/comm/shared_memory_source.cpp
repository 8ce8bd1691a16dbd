#include <mpi.h>

#include <atomic>

#include "chunk_source.hpp"
#include "mpi.hpp"
#include "tradeoff/comm/collectives.hpp"

namespace tradeoff::comm {
namespace {

// Chunks taken and items counted lie in rank 0's part of a window that all ranks of the machine
// map.
class SharedMemorySource final : public ChunkCounter::Source {
 public:
  SharedMemorySource(const Session& session, std::uint64_t count)
      : session_(session), count_(count) {
    const MPI_Comm node = session.mpi()->node;
    const MPI_Aint bytes = session.rank() == 0 ? 2 * sizeof(std::uint64_t) : 0;
    void* own = nullptr;
    check_mpi(MPI_Win_allocate_shared(bytes, 1, MPI_INFO_NULL, node, &own, &window_),
              "MPI_Win_allocate_shared");
    check_mpi(MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
    MPI_Aint size = 0;
    int unit = 0;
    check_mpi(MPI_Win_shared_query(window_, 0, &size, &unit, &counter_), "MPI_Win_shared_query");
    if (session.rank() == 0) {
      counter().store(0);
      items().store(0);
    }
    barrier(session);
  }

  std::optional<std::uint64_t> next() override {
    std::uint64_t index = counter().load();
    while (index < count_) {
      if (counter().compare_exchange_weak(index, index + 1)) return index;
    }
    return std::nullopt;
  }

  void close() override {
    std::uint64_t seen = counter().load();
    while (seen < kClosed && !counter().compare_exchange_weak(seen, seen | kClosed)) {
    }
  }

  std::uint64_t taken() const override { return counter().load() & ~kClosed; }
  void count(std::uint64_t items_done) override { items().fetch_add(items_done); }
  std::uint64_t counted() const override { return items().load(); }

  void leave() override {
    try {
      barrier(session_);
      check_mpi(MPI_Win_free(&window_), "MPI_Win_free");
    } catch (const std::exception& error) {
      session_.abort(1, error.what());
    }
  }

 private:
  // Set in the counter by close(): no rank finds an index below the count any more.
  static constexpr std::uint64_t kClosed = std::uint64_t{1} << 63;

  std::atomic_ref<std::uint64_t> counter() const {
    static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);
    return std::atomic_ref(*counter_);
  }
  std::atomic_ref<std::uint64_t> items() const { return std::atomic_ref(counter_[1]); }

  const Session& session_;
  std::uint64_t count_;
  MPI_Win window_ = MPI_WIN_NULL;
  std::uint64_t* counter_ = nullptr;
};

}  // namespace

std::unique_ptr<ChunkCounter::Source> make_shared_memory_source(const Session& session,
                                                                std::uint64_t count) {
  return std::make_unique<SharedMemorySource>(session, count);
}

}  // namespace tradeoff::comm
