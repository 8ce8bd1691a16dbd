#include "tradeoff/comm/session.hpp"

#include <fmt/format.h>
#include <mpi.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>

#include "mpi.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/host_name.hpp"
#include "tradeoff/base/launcher.hpp"
#include "watch.hpp"

namespace tradeoff::comm {
namespace {

// MPI_Abort returns control in no stated time; past this the process ends by SIGALRM.
constexpr unsigned kAbortPatienceS = 10;
// Likewise MPI_Finalize, for which the ranks wait on each other unwatched.
constexpr unsigned kLeavePatienceS = 45;

extern "C" void end_unfinished(int) {
  constexpr std::string_view kText =
      "tradeoff: MPI_Finalize did not return: another rank is stopped or gone\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(1);
}

// mpirun cannot serve a rank of another user; one that asks it to leaves it hanging.
void refuse_foreign_user(const Launch& launch) {
  const char* folder = std::getenv("PMIX_SERVER_TMPDIR");
  if (launch.by != Launch::By::mpirun || !folder) return;
  struct stat info {};
  const bool seen = ::stat(folder, &info) == 0;
  check(seen ? info.st_uid == ::geteuid() : errno != EACCES,
        fmt::format("rank {} on {} is user {}'s, but {} of its mpirun is another user's; expected "
                    "one user for all",
                    launch.rank, host_name(), ::geteuid(), folder));
}

}  // namespace

Session::Session(const SessionOptions& options)
    : exceptions_at_birth_(std::uncaught_exceptions()),
      host_(host_name()),
      watch_(std::make_shared<Watch>(options.heartbeats)) {
  const Launch launch = launch_of_environment();
  if (!launch.joins()) return;
  refuse_foreign_user(launch);
  int provided = 0;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check(provided >= MPI_THREAD_MULTIPLE,
        fmt::format("MPI_Init_thread: found thread level {}, expected MPI_THREAD_MULTIPLE ({})",
                    provided, MPI_THREAD_MULTIPLE));
  mpi_ = std::make_unique<Mpi>();
  finalizes_ = true;
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &mpi_->world), "MPI_Comm_dup");
  read_ranks();
  check_mpi(MPI_Comm_rank(mpi_->node, &local_rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(mpi_->node, &local_size_), "MPI_Comm_size");
  watch_->join(mpi_->world, [this](const std::string& what) { abort(1, what); });
}

Session::Session(const Session& parent, int groups)
    : local_rank_(parent.local_rank_),
      local_size_(parent.local_size_),
      exceptions_at_birth_(std::uncaught_exceptions()),
      host_(parent.host_),
      watch_(parent.watch_) {
  check(groups >= 1 && groups <= parent.size(),
        fmt::format("{} rank groups of {} ranks: expected at least one rank a group", groups,
                    parent.size()));
  if (!parent.mpi_) return;
  group_ = static_cast<int>(std::int64_t{parent.rank_} * groups / parent.size_);
  mpi_ = std::make_unique<Mpi>();
  check_mpi(MPI_Comm_split(parent.mpi_->world, group_, parent.rank_, &mpi_->world),
            "MPI_Comm_split");
  read_ranks();
}

// Rank, size and machines of the communicator `world`.
void Session::read_ranks() {
  check_mpi(MPI_Comm_rank(mpi_->world, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(mpi_->world, &size_), "MPI_Comm_size");
  check_mpi(
      MPI_Comm_split_type(mpi_->world, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &mpi_->node),
      "MPI_Comm_split_type");
  int place = 0;
  check_mpi(MPI_Comm_rank(mpi_->node, &place), "MPI_Comm_rank");
  const int first_of_node = place == 0 ? 1 : 0;
  check_mpi(MPI_Allreduce(&first_of_node, &nodes_, 1, MPI_INT, MPI_SUM, mpi_->world),
            "MPI_Allreduce");
}

Session::~Session() {
  if (!mpi_) return;
  if (std::uncaught_exceptions() > exceptions_at_birth_) abort(1, "an exception left the session");
  if (finalizes_) leave();
  MPI_Comm_free(&mpi_->node);
  MPI_Comm_free(&mpi_->world);
  if (!finalizes_) return;
  MPI_Finalize();
  ::alarm(0);
}

// The last collective call under watch; what follows has a deadline.
void Session::leave() noexcept {
  try {
    watch_->leave();
  } catch (const std::exception& error) {
    abort(1, error.what());
  }
  std::signal(SIGALRM, end_unfinished);
  ::alarm(kLeavePatienceS);
}

void Session::doing(std::string what) const {
  watch_->doing(std::move(what));
}
void Session::at(std::string where) const {
  watch_->at(std::move(where));
}
std::string Session::whereabouts() const {
  const std::string text = watch_->whereabouts();
  return text.empty() ? "" : " (" + text + ")";
}

std::string Session::place() const {
  return fmt::format("rank {}/{} {}", rank_, size_, host_);
}

void Session::abort(int code, std::string_view what) const noexcept {
  const std::string line = fmt::format("{}: {}{}\n", mpi_ ? place() : "error", what, whereabouts());
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
  if (mpi_) {
    std::signal(SIGALRM, SIG_DFL);
    ::alarm(kAbortPatienceS);
    MPI_Abort(MPI_COMM_WORLD, code);
  }
  ::_exit(code);
}

void refuse_singleton(const Session& session, std::string_view command) {
  if (session.size() > 1) return;
  const Launch launch = launch_of_environment();
  check(launch.ranks <= 1,
        fmt::format("{0}: one process alone where {1} were meant ({2}={1}): start it as `srun "
                    "--mpi=pmix tradeoff {0} ...` or `mpirun -np {1} tradeoff {0} ...`, or give "
                    "--single to run one process on purpose",
                    command, launch.ranks, launch.size_variable));
}

void check_mpi(int code, std::string_view call, std::source_location where) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  fail(fmt::format("{}: {}", call, std::string_view(text.data(), static_cast<std::size_t>(length))),
       where);
}

}  // namespace tradeoff::comm
