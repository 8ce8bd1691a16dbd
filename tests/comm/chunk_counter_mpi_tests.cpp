#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "main_mpi.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/comm/chunk_counter.hpp"
#include "tradeoff/comm/collectives.hpp"

namespace tradeoff::comm {
namespace {

using Path = ChunkCounter::Path;
using std::chrono::milliseconds;

// What each rank took, in its order; filled on rank 0 only.
std::vector<std::vector<std::uint64_t>> gather_taken(const std::vector<std::uint64_t>& own) {
  std::string text;
  for (const auto index : own) text += std::to_string(index) + " ";
  std::vector<std::vector<std::uint64_t>> all;
  for (const auto& line : gather(*test_session, text)) {
    std::istringstream in(line);
    all.emplace_back(std::istream_iterator<std::uint64_t>(in),
                     std::istream_iterator<std::uint64_t>());
  }
  return all;
}

void expect_each_once(const std::vector<std::vector<std::uint64_t>>& taken, std::uint64_t count) {
  std::vector<std::uint64_t> all;
  for (const auto& of_rank : taken) {
    EXPECT_TRUE(std::is_sorted(of_rank.begin(), of_rank.end()));
    all.insert(all.end(), of_rank.begin(), of_rank.end());
  }
  std::sort(all.begin(), all.end());
  ASSERT_EQ(all.size(), count);
  for (std::uint64_t i = 0; i < count; ++i) ASSERT_EQ(all[i], i);
}

struct Counter : testing::TestWithParam<Path> {
  const Session& session = *test_session;
};

TEST_P(Counter, hands_out_every_chunk_exactly_once_many_times_in_a_process) {
  for (const std::uint64_t count : {0, 1, 2, 3, 7, 200, 0, 200}) {
    std::vector<std::uint64_t> own;
    {
      ChunkCounter chunks(session, count, GetParam());
      while (const auto index = chunks.next()) own.push_back(*index);
      EXPECT_EQ(chunks.next(), std::nullopt);
      barrier(session);
      EXPECT_TRUE(session.rank() != 0 || chunks.taken() == count);
    }
    const auto taken = gather_taken(own);
    if (session.rank() == 0) expect_each_once(taken, count);
  }
}

TEST_P(Counter, serves_the_other_ranks_while_rank_0_computes) {
  if (session.size() == 1) GTEST_SKIP() << "needs two ranks";
  std::vector<std::uint64_t> own;
  bool served = true;
  {
    ChunkCounter chunks(session, 40, GetParam());
    if (session.rank() == 0) own.push_back(chunks.next().value());
    barrier(session);
    if (session.rank() == 0) {
      // A computation that makes no MPI call until the others have taken everything.
      const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
      volatile double sink = 0;
      while (chunks.taken() < 40 && std::chrono::steady_clock::now() < give_up) sink = sink + 1;
      served = chunks.taken() == 40;
    }
    while (const auto index = chunks.next()) own.push_back(*index);
  }
  EXPECT_TRUE(served) << "the other ranks waited for rank 0";
  const auto taken = gather_taken(own);
  if (session.rank() != 0) return;
  expect_each_once(taken, 40);
  EXPECT_EQ(taken[0].size(), 1u);
}

TEST_P(Counter, gives_nothing_more_once_any_rank_closed_it) {
  for (int closer = 0; closer < session.size(); ++closer) {
    ChunkCounter chunks(session, 1'000'000, GetParam());
    std::vector<std::uint64_t> own{chunks.next().value()};
    barrier(session);
    if (session.rank() == closer) chunks.close();
    // A rank may get chunks until the word has reached rank 0, but not to the end.
    while (const auto index = chunks.next()) {
      own.push_back(*index);
      std::this_thread::sleep_for(milliseconds(5));
    }
    const auto taken = gather_taken(own);
    if (session.rank() != 0) continue;
    std::size_t total = 0;
    for (const auto& of_rank : taken) total += of_rank.size();
    EXPECT_LT(total, 1'000'000u);
    // The rank that closed it may have asked for a chunk early, and drops that.
    EXPECT_LE(total, chunks.taken());
    EXPECT_GE(total + 1, chunks.taken());
    if (total == chunks.taken()) expect_each_once(taken, total);
  }
}

TEST_P(Counter, adds_up_what_the_ranks_have_answered_before_a_chunk_ends) {
  ChunkCounter chunks(session, 5, GetParam());
  for (int i = 0; i < 10; ++i) chunks.count(static_cast<std::uint64_t>(session.rank()) + 1);
  barrier(session);
  if (session.rank() != 0) return;
  const auto size = static_cast<std::uint64_t>(session.size());
  const std::uint64_t all = 10 * size * (size + 1) / 2;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (chunks.counted() < all && std::chrono::steady_clock::now() < give_up)
    std::this_thread::sleep_for(milliseconds(1));
  EXPECT_EQ(chunks.counted(), all);
}

TEST_P(Counter, refuses_different_counts_on_every_rank) {
  if (session.size() == 1) GTEST_SKIP() << "needs two ranks";
  try {
    ChunkCounter chunks(session, session.rank() == 0 ? 5 : 6, GetParam());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(
        std::string(error.what()).find("the ranks differ in the number of chunks: rank 0 \"5\""),
        std::string::npos)
        << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, Counter, testing::Values(Path::shared_memory, Path::server),
                         [](const auto& path) {
                           return std::string(path.param == Path::server ? "server"
                                                                         : "shared_memory");
                         });

}  // namespace
}  // namespace tradeoff::comm
