#include "tradeoff/base/error.hpp"

#include <cerrno>
#include <cstring>

namespace tradeoff {

Error::Error(const std::string& what, std::source_location where)
    : std::runtime_error(what),
      where_(std::string(where.file_name()) + ":" + std::to_string(where.line())) {}

void fail(const std::string& what, std::source_location where) {
  throw Error(what, where);
}

void check_errno(long result, std::string_view call, std::source_location where) {
  if (result >= 0) return;
  const int code = errno;
  fail(std::string(call) + ": " + std::strerror(code), where);
}

}  // namespace tradeoff
