#include "tradeoff/comm/chunk_counter.hpp"

#include <atomic>
#include <exception>
#include <string>

#include "chunk_source.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/comm/collectives.hpp"

namespace tradeoff::comm {
namespace {

class Alone final : public ChunkCounter::Source {
 public:
  explicit Alone(std::uint64_t count) : count_(count) {}
  std::optional<std::uint64_t> next() override {
    if (closed_ || taken_ == count_) return std::nullopt;
    return taken_++;
  }
  void close() override { closed_ = true; }
  std::uint64_t taken() const override { return taken_; }
  void count(std::uint64_t items) override { counted_ += items; }
  std::uint64_t counted() const override { return counted_; }
  void leave() override {}

 private:
  std::uint64_t count_, taken_ = 0;
  std::atomic<std::uint64_t> counted_ = 0;  // another thread shows it
  bool closed_ = false;
};

std::unique_ptr<ChunkCounter::Source> make_source(const Session& session, std::uint64_t count,
                                                  ChunkCounter::Path path) {
  using Path = ChunkCounter::Path;
  agree(session, "the number of chunks", std::to_string(count));
  if (!session.mpi()) return std::make_unique<Alone>(count);
  if (path == Path::automatic) path = session.nodes() == 1 ? Path::shared_memory : Path::server;
  if (path == Path::server) return make_server_source(session, count);
  check(session.nodes() == 1, "ChunkCounter: shared memory was asked for, but the ranks stand on " +
                                  std::to_string(session.nodes()) + " machines");
  return make_shared_memory_source(session, count);
}

}  // namespace

ChunkCounter::ChunkCounter(const Session& session, std::uint64_t count, Path path)
    : exceptions_at_birth_(std::uncaught_exceptions()),
      source_(make_source(session, count, path)) {}

ChunkCounter::~ChunkCounter() {
  if (std::uncaught_exceptions() == exceptions_at_birth_) source_->leave();
}

std::optional<std::uint64_t> ChunkCounter::next() {
  return source_->next();
}
void ChunkCounter::close() {
  source_->close();
}
std::uint64_t ChunkCounter::taken() const {
  return source_->taken();
}
void ChunkCounter::count(std::uint64_t items) {
  source_->count(items);
}
std::uint64_t ChunkCounter::counted() const {
  return source_->counted();
}

}  // namespace tradeoff::comm
