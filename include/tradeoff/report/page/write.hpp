#pragma once
#include <filesystem>

#include "tradeoff/report/analysis/analysis.hpp"

namespace tradeoff::report {

/// Writes report.html, report.md and report.json into the folder, each whole or not at all.
void write_reports(const std::filesystem::path& output_dir, const Study& study,
                   const Analysis& analysis);

}  // namespace tradeoff::report
