#pragma once
#include <optional>

#include "tradeoff/comm/session.hpp"
#include "tradeoff/stats/reduce.hpp"
#include "tradeoff/store/predictions_file.hpp"
#include "tradeoff/study/options.hpp"
#include "tradeoff/study/predict.hpp"

namespace tradeoff::study {

struct StudyResult {
  RunState state = RunState::complete;
  // On rank 0 of a complete study; empty where one cell alone was computed.
  std::optional<store::Predictions> predictions;
  stats::StudySummary summary;
};

/// The `run` command: computes the cells that are missing, scores them, gathers them into
/// OUTPUT_DIR/predictions.h5. A study in the folder is continued when its configuration and data
/// are the same, else refused naming the difference. Collective.
StudyResult run_study(const comm::Session& session, const StudyOptions& options);

/// Written last, when everything else is on disk: without it nothing says that the study is
/// complete.
void write_completion_record(const std::filesystem::path& output_dir);

}  // namespace tradeoff::study
