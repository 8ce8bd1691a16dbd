#pragma once
#include <mpi.h>

#include <string_view>

#include "tradeoff/comm/session.hpp"

namespace tradeoff::comm {

/// Duplicates of the session's own, so that no message of another library can match ours.
struct Session::Mpi {
  MPI_Comm world = MPI_COMM_NULL;
  /// The ranks of this machine, in world order.
  MPI_Comm node = MPI_COMM_NULL;
};

/// Waits for `request` of the call named without holding a core: Open MPI's blocking calls spin.
void wait_patiently(MPI_Request request, std::string_view call);

}  // namespace tradeoff::comm
