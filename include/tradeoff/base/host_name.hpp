#pragma once
#include <string>

namespace tradeoff {

/// This machine's name, as gethostname tells it.
std::string host_name();

}  // namespace tradeoff
