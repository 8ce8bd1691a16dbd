#include "tradeoff/comm/signals.hpp"

#include <atomic>
#include <csignal>

#include "tradeoff/base/error.hpp"

namespace tradeoff::comm {
namespace {

std::atomic<int> last_signal = 0;
static_assert(std::atomic<int>::is_always_lock_free, "a handler may touch lock-free atomics only");

struct sigaction former_term, former_usr2;

extern "C" void note_signal(int number) {
  last_signal = number;
}

}  // namespace

StopSignals::StopSignals() {
  last_signal = 0;
  struct sigaction action {};
  action.sa_handler = note_signal;
  sigemptyset(&action.sa_mask);
  // Without SA_RESTART a write of a journal could end half-way with EINTR.
  action.sa_flags = SA_RESTART;
  check_errno(::sigaction(SIGTERM, &action, &former_term), "sigaction(SIGTERM)");
  check_errno(::sigaction(SIGUSR2, &action, &former_usr2), "sigaction(SIGUSR2)");
}

StopSignals::~StopSignals() {
  ::sigaction(SIGTERM, &former_term, nullptr);
  ::sigaction(SIGUSR2, &former_usr2, nullptr);
}

bool stop_requested() noexcept {
  return last_signal != 0;
}

const char* stop_signal() noexcept {
  switch (last_signal) {
    case SIGTERM:
      return "SIGTERM";
    case SIGUSR2:
      return "SIGUSR2";
    default:
      return "";
  }
}

}  // namespace tradeoff::comm
