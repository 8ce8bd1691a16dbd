#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "tradeoff/base/error.hpp"
#include "tradeoff/comm/chunk_counter.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/comm/session.hpp"

namespace tradeoff::comm {
namespace {

// No variable of a launcher or of Slurm, whatever this test runs in.
struct SingleProcess : testing::Test {
  static constexpr std::array kNames{
      "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE",
      "SLURM_PROCID",         "SLURM_NTASKS"};
  void SetUp() override {
    for (const char* name : kNames) ::unsetenv(name);
  }
  void TearDown() override { SetUp(); }

  static std::string refusal(const Session& session) {
    try {
      refuse_singleton(session, "predict");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};

TEST_F(SingleProcess, is_rank_0_of_1_without_mpi_and_may_hold_several_sessions_in_turn) {
  for (int repeat = 0; repeat < 2; ++repeat) {
    const Session session;
    EXPECT_EQ(session.mpi(), nullptr);
    EXPECT_EQ(session.rank(), 0);
    EXPECT_EQ(session.size(), 1);
    EXPECT_EQ(session.local_size(), 1);
    EXPECT_FALSE(session.host().empty());
  }
}

TEST_F(SingleProcess, collective_calls_return_what_they_were_given) {
  const Session session;
  barrier(session);
  EXPECT_EQ(broadcast(session, "abc"), "abc");
  EXPECT_EQ(gather(session, "abc"), std::vector<std::string>{"abc"});
  std::vector<std::int64_t> counts{1, 2};
  all_reduce_sum(session, std::span(counts));
  all_reduce_max(session, std::span(counts));
  EXPECT_EQ(counts, (std::vector<std::int64_t>{1, 2}));
  EXPECT_TRUE(any(session, true));
  EXPECT_FALSE(any(session, false));
  agree(session, "anything", "x");
}

TEST_F(SingleProcess, takes_every_chunk_itself_until_it_closes_the_counter) {
  const Session session;
  ChunkCounter chunks(session, 3);
  EXPECT_EQ(chunks.next(), 0u);
  EXPECT_EQ(chunks.next(), 1u);
  EXPECT_EQ(chunks.taken(), 2u);
  chunks.close();
  EXPECT_EQ(chunks.next(), std::nullopt);
  EXPECT_EQ(ChunkCounter(session, 0).next(), std::nullopt);
}

TEST_F(SingleProcess, in_a_multi_task_allocation_is_refused_with_the_command_that_fixes_it) {
  const Session session;
  EXPECT_EQ(refusal(session), "");
  ::setenv("SLURM_NTASKS", "1", 1);
  EXPECT_EQ(refusal(session), "");
  ::setenv("SLURM_NTASKS", "4", 1);
  EXPECT_EQ(refusal(session),
            "predict: one process alone where 4 were meant (SLURM_NTASKS=4): start it as `srun "
            "--mpi=pmix tradeoff predict ...` or `mpirun -np 4 tradeoff predict ...`, or give "
            "--single to run one process on purpose");
  // mpirun -np 1 inside the allocation.
  ::setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
  EXPECT_EQ(refusal(session), "");
  // The launcher of another Open MPI, whose ranks this MPI cannot see.
  ::setenv("OMPI_COMM_WORLD_SIZE", "3", 1);
  EXPECT_NE(refusal(session).find("(OMPI_COMM_WORLD_SIZE=3)"), std::string::npos);
}

}  // namespace
}  // namespace tradeoff::comm
