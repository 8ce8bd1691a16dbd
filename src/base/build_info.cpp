#include "tradeoff/base/build_info.hpp"

// Defined in the source that src/cmake/Commit.cmake writes at every build.
extern const char* const kTradeoffCommit;

namespace tradeoff {

std::string_view build_commit() {
  return kTradeoffCommit;
}
std::string_view build_version() {
  return TRADEOFF_VERSION;
}

}  // namespace tradeoff
