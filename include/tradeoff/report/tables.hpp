#pragma once
#include <string>

#include "tradeoff/study/run.hpp"

namespace tradeoff::report {

/// Accuracies of every arm and task with their intervals, MMLU by group, floors, and why wrong SQL
/// was wrong: Markdown that reads as well on a terminal.
std::string markdown(const study::StudyResult& result);

/// report.json (design §3): study, arms, pairs, cost.
Json report_json(const study::StudyResult& result);

}  // namespace tradeoff::report
