#pragma once
#include <vector>

#include "tradeoff/infer/engine.hpp"
#include "tradeoff/study/prediction.hpp"

namespace tradeoff::study {

/// Runs one chunk and makes the rows of its items, in the chunk's order; of a sampled prediction
/// those of each sample, which tell `sample` and `logprob`.
std::vector<store::Prediction> answer_chunk(infer::Engine& engine, const text::Tokenizer& tokenizer,
                                            const std::vector<text::TokenId>& end_tokens,
                                            const PredictionPlan& plan, const infer::Chunk& chunk);

/// The row of an item that the overflow policy skipped: an empty answer, never right.
store::Prediction skipped_row(const PredictionPlan& plan, const task::Item& item);

}  // namespace tradeoff::study
