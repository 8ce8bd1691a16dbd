#include "tradeoff/base/host_name.hpp"

#include <unistd.h>

#include <array>

#include "tradeoff/base/error.hpp"

namespace tradeoff {

std::string host_name() {
  std::array<char, 256> name{};
  check_errno(::gethostname(name.data(), name.size() - 1), "gethostname");
  return name.data();
}

}  // namespace tradeoff
