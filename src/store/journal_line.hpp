#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "tradeoff/base/json.hpp"

namespace tradeoff::store {

inline constexpr int kJournalVersion = 1;
inline constexpr std::string_view kJournalPrefix = "journal-", kJournalSuffix = ".jsonl";

/// `object` (not empty) as a line with its checksum and its newline.
std::string seal(const Json& object);

/// The object of a line (without its newline); nullopt when the line is not as it was written.
std::optional<Json> unseal(std::string_view line);

}  // namespace tradeoff::store
