#include "tradeoff/comm/collectives.hpp"

#include <fmt/format.h>
#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <numeric>
#include <thread>
#include <utility>

#include "mpi.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::comm {
namespace {

constexpr int kPieceTag = 1;

template <typename Piece>
void in_pieces(std::size_t size, std::size_t piece_bytes, Piece piece) {
  for (std::size_t begin = 0; begin < size; begin += piece_bytes) {
    piece(begin, static_cast<int>(std::min(piece_bytes, size - begin)));
  }
}

template <typename T>
void all_reduce(const Session& session, std::span<T> values, MPI_Datatype type, MPI_Op op) {
  if (!session.mpi()) return;
  barrier(session);
  const auto length = static_cast<std::int64_t>(values.size());
  std::array<std::int64_t, 2> extremes{length, -length};
  check_mpi(
      MPI_Allreduce(MPI_IN_PLACE, extremes.data(), 2, MPI_INT64_T, MPI_MAX, session.mpi()->world),
      "MPI_Allreduce");
  if (extremes[0] != -extremes[1]) {
    agree(session, "the length of an all-reduce", std::to_string(length));
  }
  in_pieces(values.size(), kPieceBytes / sizeof(T), [&](std::size_t begin, int count) {
    check_mpi(
        MPI_Allreduce(MPI_IN_PLACE, values.data() + begin, count, type, op, session.mpi()->world),
        "MPI_Allreduce");
  });
}

using Holders = std::map<std::string_view, std::vector<int>>;

// Values may be whole configurations: show each from shortly before the first byte that differs.
std::string difference_text(std::string_view what, const Holders& holders) {
  constexpr std::size_t kBefore = 40, kShown = 200;
  const std::string_view first = holders.begin()->first, last = holders.rbegin()->first;
  const auto differs = std::mismatch(first.begin(), first.end(), last.begin(), last.end()).first;
  const auto common = static_cast<std::size_t>(differs - first.begin());
  const std::size_t begin = common > kBefore ? common - kBefore : 0;
  std::string text = fmt::format("the ranks differ in {}", what);
  for (const auto& [held, ranks] : holders) {
    text += fmt::format("{} {} {} \"{}{}{}\"", held == first ? ":" : ";",
                        ranks.size() == 1 ? "rank" : "ranks", fmt::join(ranks, ", "),
                        begin > 0 ? "..." : "", held.substr(begin, kShown),
                        held.size() > begin + kShown ? "..." : "");
  }
  return text;
}

}  // namespace

// Ranks may wait for minutes here while others compute on the same cores: look often at first
// (training steps), then sleep.
void wait_patiently(MPI_Request request, std::string_view call) {
  using namespace std::chrono;
  const auto start = steady_clock::now();
  for (int done = 0;;) {
    check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), call);
    if (done) return;
    const auto waited = steady_clock::now() - start;
    if (waited < milliseconds(1)) {
      ::sched_yield();
    } else {
      std::this_thread::sleep_for(std::min<steady_clock::duration>(waited / 8, milliseconds(5)));
    }
  }
}

void barrier(const Session& session) {
  if (!session.mpi()) return;
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibarrier(session.mpi()->world, &request), "MPI_Ibarrier");
  wait_patiently(request, "MPI_Ibarrier");
}

std::string broadcast(const Session& session, std::string bytes, int root,
                      std::size_t piece_bytes) {
  if (!session.mpi()) return bytes;
  barrier(session);
  const MPI_Comm world = session.mpi()->world;
  std::uint64_t size = bytes.size();
  check_mpi(MPI_Bcast(&size, 1, MPI_UINT64_T, root, world), "MPI_Bcast");
  bytes.resize(size);
  in_pieces(size, piece_bytes, [&](std::size_t begin, int count) {
    check_mpi(MPI_Bcast(bytes.data() + begin, count, MPI_BYTE, root, world), "MPI_Bcast");
  });
  return bytes;
}

std::vector<std::string> gather(const Session& session, std::string_view bytes,
                                std::size_t piece_bytes) {
  if (!session.mpi()) return {std::string(bytes)};
  barrier(session);
  const MPI_Comm world = session.mpi()->world;
  const std::uint64_t size = bytes.size();
  std::vector<std::uint64_t> sizes(session.size());
  check_mpi(MPI_Gather(&size, 1, MPI_UINT64_T, sizes.data(), 1, MPI_UINT64_T, 0, world),
            "MPI_Gather");
  if (session.rank() != 0) {
    in_pieces(size, piece_bytes, [&](std::size_t begin, int count) {
      check_mpi(MPI_Send(bytes.data() + begin, count, MPI_BYTE, 0, kPieceTag, world), "MPI_Send");
    });
    return {};
  }
  std::vector<std::string> all(session.size());
  all[0] = bytes;
  for (int rank = 1; rank < session.size(); ++rank) {
    all[rank].resize(sizes[rank]);
    in_pieces(sizes[rank], piece_bytes, [&](std::size_t begin, int count) {
      check_mpi(MPI_Recv(all[rank].data() + begin, count, MPI_BYTE, rank, kPieceTag, world,
                         MPI_STATUS_IGNORE),
                "MPI_Recv");
    });
  }
  return all;
}

void all_reduce_sum(const Session& session, std::span<std::int64_t> values) {
  all_reduce(session, values, MPI_INT64_T, MPI_SUM);
}
void all_reduce_sum(const Session& session, std::span<double> values) {
  all_reduce(session, values, MPI_DOUBLE, MPI_SUM);
}
void all_reduce_sum(const Session& session, std::span<float> values) {
  all_reduce(session, values, MPI_FLOAT, MPI_SUM);
}
void all_reduce_max(const Session& session, std::span<std::int64_t> values) {
  all_reduce(session, values, MPI_INT64_T, MPI_MAX);
}
void all_reduce_max(const Session& session, std::span<double> values) {
  all_reduce(session, values, MPI_DOUBLE, MPI_MAX);
}

void all_gather(const Session& session, std::span<const float> own, std::span<float> all) {
  const auto ranks = static_cast<std::size_t>(session.size());
  check(all.size() == ranks * own.size() && own.size() * sizeof(float) <= kPieceBytes,
        fmt::format("all_gather of {} numbers on {} ranks into {}", own.size(), ranks, all.size()));
  if (!session.mpi()) {
    std::ranges::copy(own, all.begin());
    return;
  }
  barrier(session);
  const auto count = static_cast<int>(own.size());
  check_mpi(MPI_Allgather(own.data(), count, MPI_FLOAT, all.data(), count, MPI_FLOAT,
                          session.mpi()->world),
            "MPI_Allgather");
}

bool any(const Session& session, bool value) {
  if (!session.mpi()) return value;
  barrier(session);
  int found = value ? 1 : 0;
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, &found, 1, MPI_INT, MPI_MAX, session.mpi()->world),
            "MPI_Allreduce");
  return found != 0;
}

void agree(const Session& session, std::string_view what, std::string_view value) {
  const std::vector<std::string> values = gather(session, value);
  Holders holders;
  for (std::size_t rank = 0; rank < values.size(); ++rank) {
    holders[values[rank]].push_back(static_cast<int>(rank));
  }
  std::string difference;
  if (holders.size() > 1) difference = difference_text(what, holders);
  difference = broadcast(session, std::move(difference));
  if (!difference.empty()) fail(difference);
}

}  // namespace tradeoff::comm
