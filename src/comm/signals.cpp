#include "tradeoff/comm/signals.hpp"

#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tradeoff/base/error.hpp"

namespace tradeoff::comm {
namespace {

std::atomic<bool> asked = false;
// When the first SIGINT or SIGTERM came, steady nanoseconds; 0: none did.
std::atomic<std::int64_t> first_asked_ns = 0;
static_assert(std::atomic<std::int64_t>::is_always_lock_free &&
                  std::atomic<int>::is_always_lock_free,
              "a handler may touch lock-free atomics only");

// Signals this near to one another are one wish, sent by a terminal and by a launcher.
constexpr std::int64_t kOneWishNs = 300'000'000;
constexpr std::array kSignals = {SIGINT, SIGTERM, SIGUSR2};
std::array<struct sigaction, kSignals.size()> former;

std::int64_t now_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

// One of several ranks tells what all do.
std::atomic<bool> speaks = false;

bool first_of_ranks() {
  for (const char* variable : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"})
    if (const char* rank = std::getenv(variable)) return std::string_view(rank) == "0";
  return true;
}

// Async-signal-safe.
void say(std::string_view text) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

// Dies by the signal, so that a shell or a launcher sees why.
void end_at_once(int number) {
  say("tradeoff: a second signal: ended at once, nothing saved\n");
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
  ::raise(number);  // blocked until the handler returns
}

extern "C" void note_signal(int number) {
  const int kept_errno = errno;
  asked = true;
  if (number != SIGUSR2) {
    std::int64_t first = 0;
    const std::int64_t now = now_ns();
    if (first_asked_ns.compare_exchange_strong(first, now)) {
      if (speaks)
        say("tradeoff: stopping: saves at the next step or chunk; a second signal ends at once\n");
    } else if (now - first > kOneWishNs) {
      end_at_once(number);
    }
  }
  errno = kept_errno;
}

}  // namespace

StopSignals::StopSignals() {
  asked = false;
  first_asked_ns = 0;
  speaks = first_of_ranks();
  struct sigaction action {};
  action.sa_handler = note_signal;
  sigemptyset(&action.sa_mask);
  // Without SA_RESTART a write of a journal could end half-way with EINTR.
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < kSignals.size(); ++i)
    check_errno(::sigaction(kSignals[i], &action, &former[i]), "sigaction");
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &former[i], nullptr);
}

bool stop_requested() noexcept {
  return asked;
}

void request_stop() noexcept {
  asked = true;
}

}  // namespace tradeoff::comm
