#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "tradeoff/sql/sandbox/execute.hpp"
#include "wire.hpp"

namespace tradeoff::sql {

/// False for a head that no sound worker sends.
bool plausible(const wire::Reply& head, std::uint64_t max_bytes);
/// The result in a reply frame, its outcome left at ok; nothing when a length is false.
std::optional<Result> read_reply(const wire::Reply& head, std::string payload);

}  // namespace tradeoff::sql
