#pragma once
#include <filesystem>

#include "tradeoff/report/files/study.hpp"

namespace tradeoff::report {

/// Puts the cells of `next`, read from `file`, into `study`, begun by `first`. Throws Error where
/// they are not of one study, naming both files and every difference.
void merge_into(Study& study, const std::filesystem::path& first, const std::filesystem::path& file,
                store::Predictions next);

}  // namespace tradeoff::report
