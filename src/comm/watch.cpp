#include "watch.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <set>
#include <utility>

#include "mpi.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/host_name.hpp"
#include "tradeoff/base/progress.hpp"
#include "tradeoff/comm/session.hpp"
#include "tradeoff/comm/signals.hpp"

namespace tradeoff::comm {
namespace {

constexpr auto kTurn = std::chrono::milliseconds(100);
constexpr std::uint64_t kTurnsPerS = 10, kTurnsPerBeat = 10;
constexpr int kMostWatched = 8;
constexpr int kBeatTag = 3;
constexpr std::size_t kMostSaid = 240;
// A heartbeat file older than this is of a rank that is stopped or gone.
constexpr double kFreshS = 12;
// For reading the folder, should its file system be what hangs.
constexpr unsigned kFolderPatienceS = 10;

std::string text_of(const char* name) {
  const char* text = std::getenv(name);
  return text ? text : "";
}

double seconds_of(const char* name, double fallback) {
  const std::string text = text_of(name);
  if (text.empty()) return fallback;
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const bool whole = end == text.c_str() + text.size();
  check(whole && std::isfinite(value) && value >= 0,
        fmt::format("{}: found \"{}\", expected seconds (0: no limit)", name, text));
  return value;
}

// Which ranks told in `folder` that they started with this launch.
std::string missing_text(const std::filesystem::path& folder, const Launch& own) {
  if (folder.empty()) return "at least one rank";
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const double oldest_s = std::chrono::duration<double>(now).count() - kFreshS;
  std::set<int> here = {own.rank};
  for (const Heartbeat& beat : read_heartbeats(folder)) {
    if (beat.launch == own.name && beat.time > oldest_s) here.insert(beat.rank);
  }
  std::vector<int> missing;
  for (int rank = 0; rank < own.ranks; ++rank)
    if (!here.contains(rank)) missing.push_back(rank);
  if (missing.empty()) return "at least one rank";
  return fmt::format("rank{} {}", missing.size() == 1 ? "" : "s", fmt::join(missing, ", "));
}

}  // namespace

WatchLimits watch_limits() {
  WatchLimits limits;
  limits.start_s = seconds_of("TRADEOFF_START_S", limits.start_s);
  limits.silence_s = seconds_of("TRADEOFF_SILENCE_S", limits.silence_s);
  return limits;
}

struct Watch::Beat {
  // 1: a stop signal came to this rank or to one that it heard of.
  std::uint8_t stop = 0;
  std::array<char, kMostSaid + 1> said{};
};

struct Watch::Sending {
  Beat beat;
  int to = 0;
  MPI_Request request = MPI_REQUEST_NULL;
};

Watch::Watch(const std::filesystem::path& folder)
    : own_(launch_of_environment()), limits_(watch_limits()), folder_(folder) {
  if (!folder.empty()) {
    Heartbeat first;
    first.launch = own_.name;
    first.rank = own_.rank;
    first.ranks = own_.ranks;
    first.doing = "starting";
    file_ = std::make_unique<HeartbeatFile>(folder, first);
  }
  if (own_.joins()) thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

Watch::~Watch() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Watch::join(MPI_Comm world, std::function<void(const std::string&)> abort) {
  check_mpi(MPI_Comm_dup(world, &comm_), "MPI_Comm_dup");
  check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(comm_, &ranks_), "MPI_Comm_size");
  abort_ = std::move(abort);
  const int others = std::min(kMostWatched, ranks_ - 1);
  for (int k = 1; k <= others; ++k) {
    watched_.push_back((rank_ + k) % ranks_);
    listeners_.push_back((rank_ - k + ranks_) % ranks_);
  }
  heard_.assign(ranks_, turn_);
  said_.resize(ranks_);
  joined_ = true;  // the thread reads what stands above from now on
}

// A rank that comes late is watched until it is here.
void Watch::leave() {
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibarrier(comm_, &request), "MPI_Ibarrier");
  wait_patiently(request, "MPI_Ibarrier");
  thread_.request_stop();
  thread_.join();
  // Beats on their way are for nobody.
  for (const auto& sending : sendings_) {
    if (sending->request != MPI_REQUEST_NULL)
      check_mpi(MPI_Wait(&sending->request, MPI_STATUS_IGNORE), "MPI_Wait");
  }
  check_mpi(MPI_Barrier(comm_), "MPI_Barrier");
  hear();
  check_mpi(MPI_Comm_free(&comm_), "MPI_Comm_free");
}

void Watch::doing(std::string what) {
  {
    const std::scoped_lock held(mutex_);
    doing_ = std::move(what);
    at_.clear();
  }
  tell_file();
}

void Watch::at(std::string where) {
  {
    const std::scoped_lock held(mutex_);
    at_ = std::move(where);
  }
  tell_file();
}

std::string Watch::whereabouts() const {
  const std::scoped_lock held(mutex_);
  return doing_ + (doing_.empty() || at_.empty() ? "" : ": ") + at_;
}

void Watch::tell_file() {
  if (file_) file_->doing(whereabouts());
}

void Watch::work(const std::stop_token& stop) {
  const Stopwatch clock;
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any wake;
  try {
    while (true) {
      wake.wait_for(lock, stop, kTurn, [] { return false; });
      if (stop.stop_requested()) return;
      ++turn_;
      if (joined_) {
        turn();
      } else if (limits_.start_s > 0 &&
                 turn_ > static_cast<std::uint64_t>(limits_.start_s * kTurnsPerS)) {
        give_up_start();
      }
    }
  } catch (const std::exception& error) {
    if (joined_) abort_(error.what());
    give_up(error.what());
  }
}

// MPI cannot be asked to end what has not begun: a rank that ends with an error ends the launch.
void Watch::give_up(const std::string& why) const {
  const std::string line =
      fmt::format("rank {}/{} {}: {}\n", own_.rank, own_.ranks, host_name(), why);
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
  ::_exit(1);
}

void Watch::give_up_start() const {
  ::alarm(kFolderPatienceS);
  give_up(fmt::format(
      "the ranks have not all started after {:.0f} s: {} has not joined (it ended before MPI_Init, "
      "is stopped, or is another user's); TRADEOFF_START_S sets another limit",
      limits_.start_s, missing_text(folder_, own_)));
}

void Watch::turn() {
  hear();
  if (stop_requested() && !std::exchange(stop_told_, true)) {
    for (int rank = 0; rank < ranks_; ++rank)
      if (rank != rank_) send(rank);
  }
  if (turn_ % kTurnsPerBeat == 0) send_beats();
  accuse();
}

void Watch::hear() {
  while (true) {
    int arrived = 0;
    MPI_Message message = MPI_MESSAGE_NULL;
    MPI_Status status;
    check_mpi(MPI_Improbe(MPI_ANY_SOURCE, kBeatTag, comm_, &arrived, &message, &status),
              "MPI_Improbe");
    if (!arrived) return;
    Beat beat;
    check_mpi(MPI_Mrecv(&beat, sizeof beat, MPI_BYTE, &message, MPI_STATUS_IGNORE), "MPI_Mrecv");
    heard_[status.MPI_SOURCE] = turn_;
    said_[status.MPI_SOURCE] = beat.said.data();
    if (beat.stop) request_stop();
  }
}

void Watch::send_beats() {
  std::erase_if(sendings_, [](const auto& sending) {
    int done = 0;
    check_mpi(MPI_Test(&sending->request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    return done != 0;
  });
  for (const int listener : listeners_) {
    // One that takes nothing gets no more.
    const bool waits = std::ranges::any_of(
        sendings_, [&](const auto& sending) { return sending->to == listener; });
    if (!waits) send(listener);
  }
}

void Watch::send(int rank) {
  auto sending = std::make_unique<Sending>();
  sending->to = rank;
  sending->beat.stop = stop_requested() ? 1 : 0;
  const std::string said = whereabouts().substr(0, kMostSaid);
  std::memcpy(sending->beat.said.data(), said.data(), said.size());
  check_mpi(
      MPI_Isend(&sending->beat, sizeof(Beat), MPI_BYTE, rank, kBeatTag, comm_, &sending->request),
      "MPI_Isend");
  sendings_.push_back(std::move(sending));
}

// The nearest of those that hear nothing speaks first, and ends the others with it.
void Watch::accuse() {
  if (limits_.silence_s <= 0) return;
  for (std::size_t k = 0; k < watched_.size(); ++k) {
    const int rank = watched_[k];
    const auto limit = static_cast<std::uint64_t>(limits_.silence_s * kTurnsPerS) + k * kTurnsPerS;
    const std::uint64_t silent = turn_ - heard_[rank];
    if (silent <= limit) continue;
    abort_(fmt::format(
        "rank {}/{} has been silent for {} s: it is stopped, or its machine or the network is "
        "gone; "
        "its last word: {}",
        rank, ranks_, silent / kTurnsPerS, said_[rank].empty() ? "none" : said_[rank]));
  }
}

}  // namespace tradeoff::comm
