#include <gtest/gtest.h>

#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "main_mpi.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/comm/chunk_counter.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/comm/shared_folder.hpp"

namespace tradeoff::comm {
namespace {

// Different on every rank, and empty on rank 0.
std::string bytes_of(int rank) {
  std::string bytes(static_cast<std::size_t>(rank) * 70001, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 + rank);
  return bytes;
}

TEST(Session, ranks_of_one_machine_see_one_machine) {
  const Session& session = *test_session;
  EXPECT_EQ(session.nodes(), 1);
  EXPECT_EQ(session.local_rank(), session.rank());
  EXPECT_EQ(session.local_size(), session.size());
  EXPECT_EQ(session.place(), "rank " + std::to_string(session.rank()) + "/" +
                                 std::to_string(session.size()) + " " + session.host());
}

TEST(SharedFolder, ranks_that_see_other_folders_are_told_by_all) {
  const Session& session = *test_session;
  const auto folder = std::filesystem::temp_directory_path() /
                      ("tradeoff-shared-test-" + std::to_string(session.size()) + "-");
  check_shared_folder(session, folder);
  barrier(session);
  EXPECT_EQ(std::filesystem::exists(folder), session.size() > 1) << "one process looks at nothing";
  if (session.size() == 1) return;
  EXPECT_TRUE(std::filesystem::is_empty(folder)) << "the token is still there";
  // As on hosts with disks of their own: the same name, another folder.
  const auto own = folder.string() + std::to_string(session.rank());
  try {
    check_shared_folder(session, own, std::chrono::milliseconds(200));
    ADD_FAILURE() << "not refused";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("rank 1 on " + session.host()), std::string::npos)
        << error.what();
    EXPECT_NE(std::string(error.what()).find(folder.string() + "0"), std::string::npos)
        << error.what();
  }
  std::filesystem::remove_all(own);
  barrier(session);
  if (session.rank() == 0) std::filesystem::remove_all(folder);
}

TEST(Session, groups_are_runs_of_ranks_that_work_apart) {
  const Session& all = *test_session;
  for (int groups = 1; groups <= all.size(); ++groups) {
    const Session group(all, groups);
    EXPECT_EQ(group.group(), all.rank() * groups / all.size());
    EXPECT_NEAR(group.size(), static_cast<double>(all.size()) / groups, 0.999);
    EXPECT_EQ(group.local_rank(), all.local_rank());  // what the GPU goes by
    EXPECT_EQ(group.local_size(), all.local_size());
    std::vector<std::int64_t> sums = {1, all.rank()};
    all_reduce_sum(group, std::span(sums));
    EXPECT_EQ(sums[0], group.size());
    const int first = all.rank() - group.rank();
    EXPECT_EQ(sums[1], group.size() * first + group.size() * (group.size() - 1) / 2);
    // Counters of different groups are different counters.
    ChunkCounter counter(group, 7);
    std::vector<std::int64_t> taken(7, 0);
    while (const auto chunk = counter.next()) ++taken[*chunk];
    all_reduce_sum(group, std::span(taken));
    EXPECT_EQ(taken, std::vector<std::int64_t>(7, 1));
  }
  for (const int groups : {0, all.size() + 1}) EXPECT_THROW(Session(all, groups), Error);
}

TEST(Session, an_mpi_error_is_an_exception_that_names_the_call) {
  try {
    broadcast(*test_session, "x", /*root=*/99);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("MPI_Bcast: "), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("root"), std::string::npos) << error.what();
  }
}

TEST(Collectives, gather_keeps_rank_order_and_ragged_sizes) {
  for (const std::size_t piece : {std::size_t{1000}, kPieceBytes}) {
    const auto all = gather(*test_session, bytes_of(test_session->rank()), piece);
    if (test_session->rank() != 0) {
      EXPECT_TRUE(all.empty());
      continue;
    }
    ASSERT_EQ(all.size(), static_cast<std::size_t>(test_session->size()));
    for (int rank = 0; rank < test_session->size(); ++rank) {
      EXPECT_EQ(all[rank], bytes_of(rank)) << "rank " << rank << ", pieces of " << piece;
    }
  }
}

TEST(Collectives, broadcast_gives_every_rank_the_bytes_of_each_root) {
  for (int root = 0; root < test_session->size(); ++root) {
    for (const std::size_t piece : {std::size_t{4096}, kPieceBytes}) {
      const std::string own = bytes_of(test_session->rank() + 1);
      EXPECT_EQ(broadcast(*test_session, own, root, piece), bytes_of(root + 1));
    }
  }
}

TEST(Collectives, reductions_equal_the_closed_forms) {
  const int rank = test_session->rank(), size = test_session->size();
  std::vector<std::int64_t> counts{rank + 1, -rank, std::int64_t{1} << 40};
  all_reduce_sum(*test_session, std::span(counts));
  EXPECT_EQ(counts, (std::vector<std::int64_t>{size * (size + 1) / 2, -size * (size - 1) / 2,
                                               size * (std::int64_t{1} << 40)}));
  std::vector<std::int64_t> largest{rank, -rank};
  all_reduce_max(*test_session, std::span(largest));
  EXPECT_EQ(largest, (std::vector<std::int64_t>{size - 1, 0}));
  // Halves add exactly in binary.
  std::vector<double> doubles(1000, rank + 0.5);
  all_reduce_sum(*test_session, std::span(doubles));
  EXPECT_EQ(doubles, std::vector<double>(1000, size * size / 2.0));
  all_reduce_max(*test_session, std::span(doubles));
  EXPECT_EQ(doubles, std::vector<double>(1000, size * size / 2.0));
  std::vector<float> floats(3, rank + 0.5f);
  all_reduce_sum(*test_session, std::span(floats));
  EXPECT_EQ(floats, std::vector<float>(3, size * size / 2.0f));
  std::vector<double> none;
  all_reduce_sum(*test_session, std::span(none));
}

TEST(Collectives, an_all_reduce_of_unequal_lengths_is_refused_on_every_rank) {
  if (test_session->size() == 1) GTEST_SKIP() << "needs two ranks";
  std::vector<double> ragged(test_session->rank() == 0 ? 2 : 3, 1.0);
  EXPECT_THROW(all_reduce_sum(*test_session, std::span(ragged)), Error);
  barrier(*test_session);
}

TEST(Collectives, any_is_true_everywhere_when_one_rank_says_so) {
  EXPECT_FALSE(any(*test_session, false));
  EXPECT_TRUE(any(*test_session, test_session->rank() == test_session->size() - 1));
}

TEST(Collectives, agree_names_the_value_and_the_ranks_that_differ) {
  agree(*test_session, "the config", "same");
  if (test_session->size() == 1) return;
  const std::string prefix(3000, 'p');
  const bool odd = test_session->rank() == 1;
  try {
    agree(*test_session, "the config", prefix + (odd ? "seed=2" : "seed=1"));
    FAIL() << "no error";
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("the ranks differ in the config"), std::string::npos) << what;
    EXPECT_NE(what.find(test_session->size() == 2 ? "rank 0 \"...ppp" : "ranks 0, 2 \"...ppp"),
              std::string::npos)
        << what;
    EXPECT_NE(what.find("seed=2"), std::string::npos) << what;
    EXPECT_LT(what.size(), 300u);
  }
}

}  // namespace
}  // namespace tradeoff::comm
