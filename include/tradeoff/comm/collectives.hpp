#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/comm/session.hpp"

/// Collective calls: every rank makes the same ones in the same order. A single process returns at
/// once. Each begins with a barrier whose waiting costs no core, so a rank without work does not
/// slow the others. All throw Error naming the MPI call.
namespace tradeoff::comm {

/// Longest single message; longer ones go in pieces (MPI counts are 32-bit).
inline constexpr std::size_t kPieceBytes = std::size_t{1} << 30;

void barrier(const Session& session);

/// Rank `root`'s `bytes` on every rank; any size.
std::string broadcast(const Session& session, std::string bytes, int root = 0,
                      std::size_t piece_bytes = kPieceBytes);

/// Every rank's `bytes`, in rank order, on rank 0; an empty vector on the others. Sizes may differ.
std::vector<std::string> gather(const Session& session, std::string_view bytes,
                                std::size_t piece_bytes = kPieceBytes);

/// Element-wise over ranks, in place; the same length everywhere (an Error on every rank
/// otherwise). Sums of floats depend in their last bits on the number of ranks: reduce counts,
/// divide once.
void all_reduce_sum(const Session& session, std::span<std::int64_t> values);
void all_reduce_sum(const Session& session, std::span<double> values);
void all_reduce_sum(const Session& session, std::span<float> values);
void all_reduce_max(const Session& session, std::span<std::int64_t> values);
void all_reduce_max(const Session& session, std::span<double> values);

/// Every rank's `own` one after another in rank order, on every rank; `all` is size() times as
/// long.
void all_gather(const Session& session, std::span<const float> own, std::span<float> all);

/// True on every rank when it is true on one: any(session, stop_requested()).
bool any(const Session& session, bool value);

/// Throws, on every rank, an Error that names `what`, the values and the ranks that hold each,
/// unless all ranks hold the same `value` (the resolved config, a hash of the data, a count).
void agree(const Session& session, std::string_view what, std::string_view value);

}  // namespace tradeoff::comm
