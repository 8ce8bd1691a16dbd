#pragma once
#include <span>

namespace tradeoff::task {

/// Letter of the largest of `choice_logprobs` ('A' + its place), the first of equal ones.
/// Throws Error where there is none, or one is NaN.
char answer_letter(std::span<const double> choice_logprobs);

}  // namespace tradeoff::task
