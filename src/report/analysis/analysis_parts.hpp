#pragma once
#include "tradeoff/report/analysis/analysis.hpp"

/// Parts of analyse(), each filling the fields it names from the rows of the study.
namespace tradeoff::report {

/// runs, and pairs_without_failed
void find_failed(const Study& study, const stats::PairOptions& pairing, Analysis& out);
void count_rows(const Study& study, Analysis& out);     // counts
void count_errors(const Study& study, Analysis& out);   // errors
void calibrate(const Study& study, Analysis& out);      // calibration
void tell_sampling(const Study& study, Analysis& out);  // sampling
void tell_until(const Study& study, Analysis& out);     // until, until_task
void review(const Study& study, Analysis& out);         // reviewed
void add_costs(const Study& study, Analysis& out);      // costs

}  // namespace tradeoff::report
