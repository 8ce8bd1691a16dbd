#include "message.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "tradeoff/base/error.hpp"

namespace tradeoff::app {

std::string message(const std::string& command, const std::exception& error) {
  std::string text =
      fmt::format("tradeoff{}{}: {}", command.empty() ? "" : " ", command, error.what());
  const auto* own = dynamic_cast<const Error*>(&error);
  if (own && std::getenv("TRADEOFF_DEBUG")) text += fmt::format("\n  raised at {}", own->where());
  return text;
}

}  // namespace tradeoff::app
