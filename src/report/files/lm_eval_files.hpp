#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/report/options.hpp"
#include "tradeoff/stats/score_table.hpp"

namespace tradeoff::report {

/// A text as it is, any other value as JSON.
std::string text_of(const Json& value);

/// row[metric], true as 1 and false as 0; nullopt where it is null. Throws Error where it is
/// missing.
std::optional<double> score_of(const Json& row, const std::string& metric);

/// The task of samples_<task>_<time>.jsonl.
std::string sample_task(const std::filesystem::path& path);

/// One sample of lm-evaluation-harness. The answer to a question with choices is the letter with
/// the highest log-likelihood, the first of equals; any other answer is its filtered response.
/// Questions of a subject are called as in this program's own files: "abstract_algebra/0".
stats::ResultRow sample_row(const Json& row, const std::filesystem::path& path,
                            const CompareOptions& options);

/// What a sample is of: the task that its document or its file's name tells, else the latter.
std::string sample_kind(const Json& row, const std::filesystem::path& path);

/// The samples files below `folder` by task, subjects under their task: of several runs the
/// newest, which is said. Throws Error where the folder holds none, or those of several models.
std::map<std::string, std::vector<std::filesystem::path>> sample_files(
    const std::filesystem::path& folder);

}  // namespace tradeoff::report
