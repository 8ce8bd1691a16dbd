#include "message.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <new>
#include <string_view>

#include "tradeoff/base/error.hpp"

namespace tradeoff::app {
namespace {

// LibTorch puts its stack behind what it has to say.
constexpr std::string_view kTorchStack = "\nException raised from ";

double resident_gib() {
  long pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) /
         (1024.0 * 1024 * 1024);
}

// LibTorch's own allocators say how much was asked for.
bool is_out_of_memory(const std::exception& error) {
  const std::string_view what = error.what();
  return dynamic_cast<const std::bad_alloc*>(&error) || what.find("out of memory") != what.npos ||
         what.find("can't allocate memory") != what.npos;
}

}  // namespace

std::string message(const std::string& command, const std::exception& error) {
  const bool debug = std::getenv("TRADEOFF_DEBUG") != nullptr;
  std::string_view what = error.what();
  if (!debug) what = what.substr(0, what.find(kTorchStack));
  std::string text = fmt::format("tradeoff{}{}: {}", command.empty() ? "" : " ", command, what);
  if (is_out_of_memory(error))
    text += fmt::format("; out of memory while this process holds {:.2f} GiB", resident_gib());
  const auto* own = dynamic_cast<const Error*>(&error);
  if (own && debug) text += fmt::format("\n  raised at {}", own->where());
  return text;
}

}  // namespace tradeoff::app
