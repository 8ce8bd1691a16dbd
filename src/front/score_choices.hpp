#pragma once
#include <filesystem>
#include <iosfwd>

namespace tradeoff::front {

/// Whether the file holds answers of `predict` to questions of choices: JSONL whose first row has
/// "choice_logprobs". False where it cannot be read; whoever reads it says why.
bool holds_choices(const std::filesystem::path& predictions);

/// Judges such a file against the items that were asked ("answer" is the right letter) and prints
/// the accuracy of all, of groups and of subjects. `rows`: JSONL to write, a row a question; empty:
/// none. A skipped question counts as wrong. Throws Error naming file and place where the two are
/// not of the same questions.
void score_choices(const std::filesystem::path& gold, const std::filesystem::path& predictions,
                   const std::filesystem::path& rows, std::ostream& out);

}  // namespace tradeoff::front
