#pragma once
#include <vector>

#include "grid.hpp"
#include "tradeoff/report/analysis/analysis.hpp"

/// The report's tables, as text. Those that a study has nothing for come back without rows.
namespace tradeoff::report {

Grid accuracy_grid(const Analysis& analysis, const std::string& task);  // a table a task
Grid metrics_grid(const Analysis& analysis);    // every SQL metric beside the primary one
Grid samples_grid(const Analysis& analysis);    // pass@k and votes where answers were sampled
Grid agreement_grid(const Analysis& analysis);  // and how sure their agreement is
Grid pairs_grid(const Analysis& analysis);      // paired differences
Grid error_grid(const Analysis& analysis);      // a difference's error in parts, and what halves it
Grid sequence_grid(const Analysis& analysis);   // intervals for adding seeds until it is clear
Grid posterior_grid(const Analysis& analysis);  // of the trade-off
Grid runs_grid(const Analysis& analysis);       // failed runs, counted and named
Grid without_failed_grid(const Analysis& analysis);
Grid tradeoff_grid(const Analysis& analysis);  // gain, cost and their ratio
Grid seeds_grid(const Analysis& analysis);     // accuracy by seed
Grid variance_grid(const Analysis& analysis);  // question × seed components
Grid floors_grid(const Analysis& analysis);    // predictors that need no model
Grid group_grid(const Analysis& analysis, const Grouping& grouping);
Grid errors_grid(const Analysis& analysis, const std::string& task);  // why SQL is wrong, by arm
Grid transitions_grid(const Analysis& analysis, const std::string& task, const std::string& arm);
Grid counts_grid(const Analysis& analysis);  // skipped, shots dropped, cut off
Grid calibration_grid(const Analysis& analysis, const std::string& task);
Grid cost_grid(const Analysis& analysis);
Grid models_grid(const Study& study, const Analysis& analysis);  // model and adapter of each arm
Grid plan_grid(const Analysis& analysis);                        // what would settle it

/// Whether this is the origin's study, whose published figures stand beside ours.
bool is_origin_study(const Analysis& analysis);
/// Why they cannot be compared.
std::string origin_sentence();

}  // namespace tradeoff::report
