#pragma once
#include <map>
#include <string>

#include "study_data.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/sql/judge/score.hpp"
#include "tradeoff/study/options.hpp"

namespace tradeoff::study {

/// How answers to one task of kind sql are judged in a study.
struct TaskScoring {
  sql::Scorer scorer;
  Json header;  // judgement_header
};

/// Of each task of kind sql that is asked. With `checks` what cannot be scored shows here
/// (check_scoring), not after hours of prediction. Throws Error.
std::map<std::string, TaskScoring> prepare_scoring(const StudyOptions& options,
                                                   const StudyData& data, bool checks);

}  // namespace tradeoff::study
