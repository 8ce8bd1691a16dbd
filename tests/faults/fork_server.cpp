// With FAULT_SERVER the program is loaded once for many runs, since that takes longer than a tiny
// study: before its main it stops and reads requests from stdin, one a line, fields separated by
// \x1f:
//   FILE  KEY=VALUE ...  (an empty field)  WORD ...
// Each is run in a fork: its output goes to FILE, the variables are set, the words are those of
// main. Stdout gets a line with its process id, which is its group's too, and one with its status
// as waitpid tells it. End of stdin ends it.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "fail_nth.hpp"

namespace {

using Main = int (*)(int, char**, char**);
Main program_main = nullptr;

void send_output_to(const char* path) {
  const int in = ::open("/dev/null", O_RDONLY);
  const int out = ::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (in < 0 || out < 0) {
    std::perror(path);
    ::_exit(127);
  }
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(out, 2);
  ::close(in);
  ::close(out);
}

[[noreturn]] void run(const std::string& request) {
  ::setpgid(0, 0);
  std::istringstream fields(request);
  std::string field;
  std::getline(fields, field, '\x1f');
  send_output_to(field.c_str());
  ::unsetenv("FAULT_SERVER");
  while (std::getline(fields, field, '\x1f') && !field.empty()) {
    const std::size_t equals = field.find('=');
    ::setenv(field.substr(0, equals).c_str(), field.substr(equals + 1).c_str(), 1);
  }
  std::vector<std::string> words;
  while (std::getline(fields, field, '\x1f')) words.push_back(field);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  plan_again();
  const int code = program_main(static_cast<int>(words.size()), argv.data(), environ);
  tell_calls();
  std::fflush(nullptr);
  // What LibTorch's destructors would take is no part of a run.
  ::_exit(code);
}

int serve(int, char**, char**) {
  for (std::string request; std::getline(std::cin, request);) {
    const pid_t pid = ::fork();
    if (pid == 0) run(request);
    if (pid < 0) return std::perror("fork"), 1;
    std::cout << pid << std::endl;
    int status = 0;
    if (::waitpid(pid, &status, 0) < 0) return std::perror("waitpid"), 1;
    std::cout << status << std::endl;
  }
  return 0;
}

}  // namespace

extern "C" int __libc_start_main(Main main, int argc, char** argv, void (*init)(), void (*fini)(),
                                 void (*loader_fini)(), void* stack_end) {
  program_main = main;
  const auto real =
      reinterpret_cast<decltype(&__libc_start_main)>(::dlsym(RTLD_NEXT, "__libc_start_main"));
  return real(std::getenv("FAULT_SERVER") ? serve : main, argc, argv, init, fini, loader_fini,
              stack_end);
}
