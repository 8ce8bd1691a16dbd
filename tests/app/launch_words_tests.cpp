#include "launch_words.hpp"

#include <gtest/gtest.h>

namespace tradeoff::app {
namespace {

const std::string kRule(74, '-');

std::string shown(const std::string& text, std::size_t step) {
  LaunchWords words;
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += step) out += words.take(text.substr(at, step));
  return out + words.finish();
}

std::string block(const std::string& text) {
  return kRule + "\n" + text + kRule + "\n";
}

struct Words : testing::TestWithParam<std::size_t> {
  std::string shown(const std::string& text) { return app::shown(text, GetParam()); }
};

TEST_P(Words, of_the_ranks_pass_as_they_are) {
  const std::string text = "[r0] loading models/x\nwarning: a - b\n---\n\n[r1] done";
  EXPECT_EQ(shown(text), text);
  EXPECT_EQ(shown(""), "");
  EXPECT_EQ(shown("a\nmpirun: Forwarding signal 12 to job\nb\n"), "a\nb\n");
}

TEST_P(Words, of_mpirun_about_an_end_that_a_rank_has_told_are_left_out) {
  const std::string said = "rank 1/2 host: dev.jsonl: no items\n";
  EXPECT_EQ(
      shown(said +
            block("MPI_ABORT was invoked on rank 1 in communicator MPI_COMM_WORLD\nwith errorcode "
                  "1.\n\nNOTE: invoking MPI_Abort causes Open MPI to kill all MPI processes.\n") +
            "[host:00123] 1 more process has sent help message help-mpi-api.txt / mpi-abort\n"
            "[host:00123] [[13,0],0] ORTE_ERROR_LOG: Out of resource in file "
            "../../../orte/util/show_help.c at line 507\n"
            "[host:00123] Set MCA parameter \"orte_base_help_aggregate\" to 0 to see all\n" +
            block("Primary job  terminated normally, but 1 process returned\na non-zero exit "
                  "code. Per user-direction, the job has been aborted.\n") +
            block("mpirun detected that one or more processes exited with non-zero status, thus "
                  "causing\nthe job to be terminated.\n")),
      said);
}

TEST_P(Words, of_a_fault_that_all_ranks_find_are_told_once) {
  EXPECT_EQ(
      shown("rank 0/2 host: gone.jsonl: no such file\nrank 1/2 host: gone.jsonl: no such file\n"
            "rank 1/2 host: another fault\n"),
      "rank 0/2 host: gone.jsonl: no such file\nrank 1/2 host: another fault\n");
}

TEST_P(Words, of_a_killed_rank_are_one_line) {
  EXPECT_EQ(shown(block("mpirun noticed that process rank 1 with PID 0 on node host-7 exited on "
                        "signal 9 (Killed).\n")),
            "tradeoff: rank 1 on host-7 was ended by signal 9 (Killed)\n");
}

TEST_P(Words, of_mpirun_about_anything_else_stay) {
  const std::string text = "There are not enough slots available in the system to satisfy the 9\n";
  EXPECT_EQ(shown("a\n" + block(text) + "b\n"), "a\n" + text + "b\n");
  // Cut before its second line of dashes.
  EXPECT_EQ(shown(kRule + "\n" + text), text);
}

INSTANTIATE_TEST_SUITE_P(InPieces, Words, testing::Values(1, 7, 4096));

}  // namespace
}  // namespace tradeoff::app
