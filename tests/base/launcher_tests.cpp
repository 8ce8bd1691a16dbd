#include "tradeoff/base/launcher.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace tradeoff {
namespace {

// No variable of a launcher or of a scheduler, whatever this test runs in.
struct Launches : testing::Test {
  static constexpr const char* kNames[] = {"OMPI_COMM_WORLD_RANK",
                                           "OMPI_COMM_WORLD_SIZE",
                                           "PMIX_RANK",
                                           "PMIX_NAMESPACE",
                                           "PMI_RANK",
                                           "PMI_SIZE",
                                           "SLURM_PROCID",
                                           "SLURM_NTASKS",
                                           "SLURM_JOB_ID",
                                           "PBS_NODEFILE",
                                           "LSB_HOSTS",
                                           "PE_HOSTFILE"};
  void SetUp() override {
    for (const char* name : kNames) ::unsetenv(name);
  }
  void TearDown() override { SetUp(); }
};

TEST_F(Launches, by_nobody_is_rank_0_of_1) {
  const Launch launch = launch_of_environment();
  EXPECT_EQ(launch.by, Launch::By::nobody);
  EXPECT_EQ(launch.rank, 0);
  EXPECT_EQ(launch.ranks, 1);
  EXPECT_EQ(launch.variable, "");
  EXPECT_FALSE(launch.of_mpi());
  EXPECT_FALSE(in_allocation());
}

TEST_F(Launches, by_mpirun_in_a_job_of_slurm_are_mpiruns) {
  ::setenv("SLURM_PROCID", "0", 1);
  ::setenv("SLURM_NTASKS", "4", 1);
  ::setenv("SLURM_JOB_ID", "17", 1);
  EXPECT_EQ(launch_of_environment().by, Launch::By::slurm_alone);
  EXPECT_EQ(launch_of_environment().ranks, 4);
  EXPECT_FALSE(launch_of_environment().of_mpi());
  EXPECT_TRUE(in_allocation());
  ::setenv("PMIX_RANK", "1", 1);
  ::setenv("PMIX_NAMESPACE", "launch.7", 1);
  EXPECT_EQ(launch_of_environment().by, Launch::By::srun_pmix);
  EXPECT_EQ(launch_of_environment().ranks, 4);
  ::setenv("OMPI_COMM_WORLD_RANK", "1", 1);
  ::setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
  const Launch launch = launch_of_environment();
  EXPECT_EQ(launch.by, Launch::By::mpirun);
  EXPECT_EQ(launch.variable, "OMPI_COMM_WORLD_RANK");
  EXPECT_EQ(launch.size_variable, "OMPI_COMM_WORLD_SIZE");
  EXPECT_EQ(launch.rank, 1);
  EXPECT_EQ(launch.ranks, 2);
  EXPECT_EQ(launch.name, "launch.7");
  EXPECT_TRUE(launch.joins());
}

TEST_F(Launches, by_another_mpi_are_ranks_that_do_not_join) {
  ::setenv("PMI_RANK", "2", 1);
  ::setenv("PMI_SIZE", "3", 1);
  ::setenv("SLURM_NTASKS", "3", 1);
  const Launch launch = launch_of_environment();
  EXPECT_EQ(launch.by, Launch::By::other_mpi);
  EXPECT_EQ(launch.rank, 2);
  EXPECT_EQ(launch.ranks, 3);
  EXPECT_TRUE(launch.of_mpi());
  EXPECT_FALSE(launch.joins());
}

TEST_F(Launches, with_a_number_that_is_none_are_rank_0_of_1) {
  ::setenv("OMPI_COMM_WORLD_RANK", "2x", 1);
  ::setenv("OMPI_COMM_WORLD_SIZE", "", 1);
  EXPECT_EQ(launch_of_environment().rank, 0);
  EXPECT_EQ(launch_of_environment().ranks, 1);
}

}  // namespace
}  // namespace tradeoff
