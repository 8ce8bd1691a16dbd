#pragma once
#include <string_view>

namespace tradeoff::store {

inline constexpr int kJournalVersion = 1;
inline constexpr std::string_view kJournalPrefix = "journal-", kJournalSuffix = ".jsonl";

}  // namespace tradeoff::store
