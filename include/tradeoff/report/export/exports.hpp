#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "tradeoff/report/analysis/analysis.hpp"

/// Results in the formats of others, below <output-dir>/export:
///   <task>/gold.sql                      SQL, a tab, the database; as the official scripts read it
///   <task>/<arm>_seed-<s>.sql            one SQL a line, never an empty one
///   <task>/placeholders.csv              the lines that stand for an answer without a statement
///                                        (a folder a task of kind sql)
///   lm-eval/<arm>_seed-<s>/results_<time>.json, samples_<task>_<time>.jsonl, as
///                                        lm-evaluation-harness 0.4.13 writes them
///   tables/accuracy.csv, pairs.csv, groups.csv, errors.csv, cost.csv
///   tables/questions.csv                 a line a question, arm and seed
namespace tradeoff::report {

/// Replaces the folder `folder` as a whole.
void write_exports(const std::filesystem::path& folder, const Study& study,
                   const Analysis& analysis);

void export_sql(const std::filesystem::path& folder, const Study& study, const std::string& task);
void export_lm_eval(const std::filesystem::path& folder, const Study& study);
void export_tables(const std::filesystem::path& folder, const Study& study,
                   const Analysis& analysis);

/// The statement on one line: comments go, line breaks become spaces. What has no statement becomes
/// `select`, which no database accepts, so that it is wrong by every rule.
std::string one_line_sql(std::string_view sql);

}  // namespace tradeoff::report
