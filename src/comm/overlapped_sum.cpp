#include "tradeoff/comm/overlapped_sum.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <climits>
#include <vector>

#include "mpi.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::comm {

struct OverlappedSum::Requests {
  std::vector<MPI_Request> open;
};

OverlappedSum::OverlappedSum(const Session& session)
    : session_(session), requests_(std::make_unique<Requests>()) {}

// Requests still open belong to a run that an exception ends; Session::abort ends the other ranks.
OverlappedSum::~OverlappedSum() = default;

void OverlappedSum::start(std::span<float> values) {
  if (!session_.mpi() || values.empty()) return;
  check(values.size() <= INT_MAX, fmt::format("MPI_Iallreduce of {} numbers", values.size()));
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Iallreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_FLOAT,
                           MPI_SUM, session_.mpi()->world, &request),
            "MPI_Iallreduce");
  requests_->open.push_back(request);
}

void OverlappedSum::progress() {
  if (requests_->open.empty()) return;
  int done = 0;
  check_mpi(MPI_Testall(static_cast<int>(requests_->open.size()), requests_->open.data(), &done,
                        MPI_STATUSES_IGNORE),
            "MPI_Testall");
  if (done) requests_->open.clear();
}

void OverlappedSum::finish() {
  for (const MPI_Request request : requests_->open) wait_patiently(request, "MPI_Iallreduce");
  requests_->open.clear();
}

}  // namespace tradeoff::comm
