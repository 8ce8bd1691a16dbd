#include <mpi.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "chunk_source.hpp"
#include "mpi.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/comm/collectives.hpp"

namespace tradeoff::comm {
namespace {

enum Request : std::uint64_t { kNext, kClose, kLeave, kCount };
// What is asked for, and with kCount how many items.
using Message = std::array<std::uint64_t, 2>;
constexpr int kRequestTag = 1, kReplyTag = 2;
// A chunk takes seconds: this delay costs nothing, and a blocking receive would spin on a core.
constexpr auto kPollPeriod = std::chrono::microseconds(200);
// An answer that takes longer than this share of a chunk is asked for while the chunk before it is
// computed. Below it a rank asks when it is free, so that no chunk waits in the hands of a busy
// one.
constexpr double kAskEarlyAbove = 0.01;

// Rank 0 counts; its thread answers the others on a communicator of its own, also while rank 0
// computes.
class ServerSource final : public ChunkCounter::Source {
 public:
  ServerSource(const Session& session, std::uint64_t count) : session_(session), count_(count) {
    check_mpi(MPI_Comm_dup(session.mpi()->world, &comm_), "MPI_Comm_dup");
    if (session.rank() == 0) server_ = std::thread([this] { serve(); });
  }

  ~ServerSource() override {
    abandoned_ = true;
    if (server_.joinable()) server_.join();
    // Only where an exception passes through: the answer may still come, and has no place then.
    if (reply_ != MPI_REQUEST_NULL && MPI_Cancel(&reply_) == MPI_SUCCESS) MPI_Request_free(&reply_);
  }

  std::optional<std::uint64_t> next() override {
    if (session_.rank() == 0) return take();
    const auto called = Clock::now();
    if (called_once_) chunk_ = called - given_;
    const bool early = reply_ != MPI_REQUEST_NULL;
    if (!early) ask();
    wait_patiently(std::exchange(reply_, MPI_REQUEST_NULL), "MPI_Irecv");
    given_ = Clock::now();
    if (!early) round_trip_ = given_ - called;
    if (closed_ || answer_ >= count_) return std::nullopt;
    const std::uint64_t index = answer_;
    taken_ = index + 1;
    if (std::exchange(called_once_, true) && round_trip_ > chunk_ * kAskEarlyAbove &&
        !is_of_last_round(index))
      ask();
    return index;
  }

  void close() override {
    if (closed_.exchange(true) || session_.rank() == 0) return;
    send(kClose);
  }

  std::uint64_t taken() const override { return taken_; }

  void count(std::uint64_t items) override {
    counted_ += items;
    if (session_.rank() != 0) send(kCount, items);
  }
  std::uint64_t counted() const override { return counted_; }

  void leave() override {
    try {
      // The answer to a question that came too early is read, though nobody needs it.
      if (reply_ != MPI_REQUEST_NULL)
        wait_patiently(std::exchange(reply_, MPI_REQUEST_NULL), "MPI_Irecv");
      if (session_.rank() != 0) send(kLeave);
      barrier(session_);
      if (server_.joinable()) server_.join();
      check_mpi(MPI_Comm_free(&comm_), "MPI_Comm_free");
    } catch (const std::exception& error) {
      session_.abort(1, error.what());
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  // A chunk taken early then would be missing to a rank that is free.
  bool is_of_last_round(std::uint64_t index) const {
    return index + static_cast<std::uint64_t>(session_.size()) >= count_;
  }

  void ask() {
    check_mpi(MPI_Irecv(&answer_, 1, MPI_UINT64_T, 0, kReplyTag, comm_, &reply_), "MPI_Irecv");
    send(kNext);
  }

  std::optional<std::uint64_t> take() {
    std::uint64_t index = taken_;
    while (!closed_ && index < count_) {
      if (taken_.compare_exchange_weak(index, index + 1)) return index;
    }
    return std::nullopt;
  }

  void send(std::uint64_t request, std::uint64_t items = 0) {
    const Message message = {request, items};
    check_mpi(MPI_Send(message.data(), 2, MPI_UINT64_T, 0, kRequestTag, comm_), "MPI_Send");
  }

  void serve() {
    try {
      int present = session_.size() - 1;
      while (present > 0 && !abandoned_) {
        int arrived = 0;
        MPI_Message message = MPI_MESSAGE_NULL;
        MPI_Status status;
        check_mpi(MPI_Improbe(MPI_ANY_SOURCE, kRequestTag, comm_, &arrived, &message, &status),
                  "MPI_Improbe");
        if (!arrived) {
          std::this_thread::sleep_for(kPollPeriod);
          continue;
        }
        Message told{};
        check_mpi(MPI_Mrecv(told.data(), 2, MPI_UINT64_T, &message, &status), "MPI_Mrecv");
        const std::uint64_t request = told[0];
        if (request == kCount) counted_ += told[1];
        if (request == kLeave) --present;
        if (request == kClose) closed_ = true;
        if (request == kNext) {
          const std::uint64_t index = take().value_or(count_);
          check_mpi(MPI_Send(&index, 1, MPI_UINT64_T, status.MPI_SOURCE, kReplyTag, comm_),
                    "MPI_Send");
        }
      }
    } catch (const std::exception& error) {
      session_.abort(1, error.what());
    }
  }

  const Session& session_;
  std::uint64_t count_;
  MPI_Comm comm_ = MPI_COMM_NULL;
  std::atomic<std::uint64_t> taken_ = 0, counted_ = 0;
  std::atomic<bool> closed_ = false, abandoned_ = false;
  std::thread server_;
  // Of a rank that asks: the answer on its way, what the last one took, and what its last chunk
  // did.
  MPI_Request reply_ = MPI_REQUEST_NULL;
  std::uint64_t answer_ = 0;
  bool called_once_ = false;
  Clock::time_point given_;
  std::chrono::duration<double> round_trip_{0}, chunk_{0};
};

}  // namespace

std::unique_ptr<ChunkCounter::Source> make_server_source(const Session& session,
                                                         std::uint64_t count) {
  return std::make_unique<ServerSource>(session, count);
}

}  // namespace tradeoff::comm
