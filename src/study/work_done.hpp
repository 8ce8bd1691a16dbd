#pragma once
#include <cstdint>
#include <string>

#include "study_data.hpp"
#include "study_folder.hpp"

namespace tradeoff::study {

/// How far a prediction, a training or a whole study is.
struct WorkDone {
  std::int64_t questions = 0, all_questions = 0, steps = 0, all_steps = 0;
};

/// "stopped and saved: 9 of 60 questions, 25 of 50 steps; `how` to go on"; what there is none of is
/// left out.
std::string stopped_text(const WorkDone& done, const std::string& how);

/// What stands in the folder of a study, over all its cells. All steps of an arm that names epochs
/// are those of all training rows, where no checkpoint tells their number.
WorkDone work_done(const StudyOptions& options, const StudyFolder& folder, const StudyData& data);

}  // namespace tradeoff::study
