#pragma once
#include <filesystem>
#include <string_view>
#include <vector>

namespace tradeoff::store {

// 2: a chunk is named by what is in it, not by its place.
inline constexpr int kJournalVersion = 2;
inline constexpr std::string_view kJournalPrefix = "journal-", kJournalSuffix = ".jsonl";

/// The files `PREFIX….jsonl` of `folder` in the order of their names; none without a folder.
std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder,
                                            std::string_view prefix);
/// The path of a file `PREFIX….jsonl` that no other process has, in `folder`, which is made.
std::filesystem::path new_file(const std::filesystem::path& folder, std::string_view prefix);

/// The journals of `folder` in the order of their names, so that messages do not depend on the file
/// system; none where there is no folder.
std::vector<std::filesystem::path> journals_of(const std::filesystem::path& folder);

}  // namespace tradeoff::store
