#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/task/mmlu.hpp"

namespace tradeoff::task {

/// MMLU-Redux (Gema et al. 2024): 57 subjects of 100 questions of MMLU's test, reviewed by experts.
/// FOLDER/mmlu_<subject>.csv is split by commas or semicolons, its header in any order; `answer` is
/// MMLU's own key. The solved examples are those of `mmlu`/dev. Each question has a label
/// (error_name) and the letters that the review calls right (corrected_letters). Throws Error
/// naming file and row for anything else.
Mmlu load_mmlu_redux(const std::filesystem::path& folder, const std::filesystem::path& mmlu);

/// What the review says of a question, which the files spell in 27 ways: "ok",
/// "bad_question_clarity", "bad_options_clarity", "no_correct_answer", "wrong_groundtruth",
/// "multiple_correct_answers" or "expert". Throws Error for any other.
std::string error_name(std::string_view written);

/// The letters that are right by the review, sorted; none where it names none that are sure:
///   ok                         the published letter;
///   wrong_groundtruth          the one that it names;
///   multiple_correct_answers   those that it names; where it names one, the published one too;
///   else                       none.
std::vector<std::string> corrected_letters(const std::string& error, char published,
                                           std::string_view correct_answer);

/// The texts of a list as Python prints it, or as JSON has it. Throws Error where it is none.
std::vector<std::string> python_list(std::string_view text);

}  // namespace tradeoff::task
