#pragma once
#include <exception>
#include <string>

namespace tradeoff::front {

/// "tradeoff COMMAND: what"; where memory ran out also how much this process holds. With
/// TRADEOFF_DEBUG set also where in the sources it was raised.
std::string message(const std::string& command, const std::exception& error);

}  // namespace tradeoff::front
