#include "launch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "find_program.hpp"
#include "launch_words.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/launcher.hpp"
#include "tradeoff/front/exit_codes.hpp"

namespace tradeoff::app {
namespace {

constexpr const char* kStarted = "TRADEOFF_STARTED_RANKS";

// How often the ranks were asked to end.
volatile std::sig_atomic_t asked = 0;
volatile pid_t launcher = 0;

// The first asks to stop and save, a second to end: mpirun gives its ranks a second after it.
extern "C" void pass_on(int signal) {
  if (signal != SIGUSR2) asked = asked + 1;
  if (launcher > 0) ::kill(launcher, asked > 1 ? SIGTERM : SIGUSR2);
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = pass_on;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR2, SIGHUP}) sigaction(signal, &action, nullptr);
}

// Whether a process may read another's memory, by which ranks of one machine pass large messages;
// many containers forbid it.
bool may_read_others() {
  static const char byte = 'x';
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  const pid_t child = ::fork();
  if (child == 0) {
    char wait = 0;
    ::close(ends[1]);
    [[maybe_unused]] const auto none = ::read(ends[0], &wait, 1);
    ::_exit(0);
  }
  char copy = 0;
  iovec here{&copy, 1}, there{const_cast<char*>(&byte), 1};
  const bool may = child > 0 && ::process_vm_readv(child, &here, 1, &there, 1, 0) == 1;
  ::close(ends[0]);
  ::close(ends[1]);
  if (child > 0) ::waitpid(child, nullptr, 0);
  return may;
}

void set_environment(int ranks) {
  ::setenv(kStarted, std::to_string(ranks).c_str(), 1);
  if (::geteuid() == 0) {
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
  }
  if (!may_read_others()) ::setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
  // A machine that is gone is noticed within 20 s; by Open MPI's own settings it takes 8 minutes.
  ::setenv("OMPI_MCA_oob_tcp_keepalive_time", "5", 0);
  ::setenv("OMPI_MCA_oob_tcp_keepalive_intvl", "5", 0);
  ::setenv("OMPI_MCA_oob_tcp_keepalive_probes", "3", 0);
}

std::vector<std::string> command_of(int ranks, std::span<const std::string> words) {
  const std::filesystem::path mpirun = find_program("mpirun");
  check(!mpirun.empty(),
        fmt::format("--ranks {}: mpirun is not on PATH (package openmpi-bin)", ranks));
  std::vector<std::string> command = {mpirun.string(), "-np", std::to_string(ranks), "--bind-to",
                                      "none"};
  if (!in_allocation()) command.emplace_back("--oversubscribe");
  command.push_back(std::filesystem::read_symlink("/proc/self/exe").string());
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

// In a process group of its own: Ctrl-C reaches this process alone, which asks the ranks to save.
pid_t start(std::vector<std::string> command, int errors) {
  std::vector<char*> words;
  for (std::string& word : command) words.push_back(word.data());
  words.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  check_errno(child, "fork");
  if (child > 0) return child;
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(front::kFailed);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR2, SIGHUP}) ::signal(signal, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(errors, STDERR_FILENO);
  ::execv(words[0], words.data());
  ::_exit(127);
}

void show(const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto written = ::write(STDERR_FILENO, text.data() + at, text.size() - at);
    if (written < 0 && errno != EINTR) return;
    if (written > 0) at += static_cast<std::size_t>(written);
  }
}

// Until every writer has closed it.
void pass_words(int from) {
  LaunchWords words;
  std::array<char, 65536> buffer{};
  while (true) {
    const auto count = ::read(from, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    show(words.take({buffer.data(), static_cast<std::size_t>(count)}));
  }
  show(words.finish());
}

int exit_code_of(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return front::kFailed;
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  return 128 + WTERMSIG(status);
}

}  // namespace

void bind_ranks(config::OptionTable& table, int& ranks) {
  table.add("ranks", &ranks, "Start so many processes, one a GPU, by mpirun; 0: this one alone")
      .local()
      .at_least(0);
}

bool started_by_launch() {
  if (!std::getenv(kStarted)) return false;
  check(launch_of_environment().joins(),
        "--ranks: the mpirun on PATH is not Open MPI's, which this program is built with");
  return true;
}

void refuse_second_launch(int ranks) {
  const Launch launch = launch_of_environment();
  check(!launch.of_mpi(),
        fmt::format("--ranks {}: this process is a rank already ({} is set): mpirun or srun starts "
                    "the ranks, or --ranks, not both",
                    ranks, launch.variable));
}

int launch_ranks(int ranks, std::span<const std::string> words) {
  const auto command = command_of(ranks, words);
  std::array<int, 2> ends{};
  check_errno(::pipe2(ends.data(), O_CLOEXEC), "pipe");
  set_environment(ranks);
  catch_signals();
  launcher = start(command, ends[1]);
  ::close(ends[1]);
  pass_words(ends[0]);
  ::close(ends[0]);
  return exit_code_of(launcher);
}

}  // namespace tradeoff::app
