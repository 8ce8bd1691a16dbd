#include "tradeoff/front/message.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/memory_limit.hpp"
#include "tradeoff/base/out_of_memory.hpp"

namespace tradeoff::front {
namespace {

double gib(std::int64_t bytes) {
  return static_cast<double>(bytes) / (1024.0 * 1024 * 1024);
}

// What this process holds of the memory that it may use; a GPU's allocator tells of the GPU's by
// itself.
std::string memory_held() {
  long pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return fmt::format("out of memory while this process holds {:.2f} of {:.1f} GiB",
                     gib(resident * ::sysconf(_SC_PAGESIZE)), gib(usable_memory()));
}

}  // namespace

std::string message(const std::string& command, const std::exception& error) {
  const bool debug = std::getenv("TRADEOFF_DEBUG") != nullptr;
  std::string_view what = error.what();
  // The library's own words name a function of it.
  std::string of_file;
  const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error);
  if (file && !debug) {
    of_file = fmt::format("{}: {}", file->path1().string(), file->code().message());
    what = of_file;
  }
  if (!debug) what = without_stack(what);
  std::string text = fmt::format("tradeoff{}{}: {}", command.empty() ? "" : " ", command, what);
  if (is_out_of_memory(error)) text += "; " + memory_held();
  const auto* own = dynamic_cast<const Error*>(&error);
  if (own && debug) text += fmt::format("\n  raised at {}", own->where());
  return text;
}

}  // namespace tradeoff::front
