#pragma once
#include <filesystem>
#include <vector>

#include "tradeoff/task/mmlu.hpp"

namespace tradeoff::task {

/// The rows of a CSV file of MMLU's release. Throws Error naming file and row.
std::vector<MmluQuestion> read_mmlu_rows(const std::filesystem::path& path);

}  // namespace tradeoff::task
