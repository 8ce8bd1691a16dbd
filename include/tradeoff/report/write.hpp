#pragma once
#include <filesystem>

#include "tradeoff/study/run.hpp"

namespace tradeoff::report {

/// Writes report.md and report.json into the study's folder, each whole or not at all.
void write_reports(const std::filesystem::path& output_dir, const study::StudyResult& result);

}  // namespace tradeoff::report
