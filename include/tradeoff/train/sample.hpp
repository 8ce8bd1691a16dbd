#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/task/item.hpp"
#include "tradeoff/text/tokenizer.hpp"
#include "tradeoff/train/options.hpp"

namespace tradeoff::train {

using text::TokenId;

/// One training row as the model sees it.
struct Sample {
  std::string id;
  // Prompt, completion, end token.
  std::vector<TokenId> ids;
  // The loss is on ids[first_supervised] and all after it; at least 1.
  std::int64_t first_supervised = 0;

  std::int64_t supervised() const {
    return static_cast<std::int64_t>(ids.size()) - first_supervised;
  }
};

/// What the model reads: all ids but the last, which is only predicted.
inline std::span<const TokenId> inputs_of(const Sample& sample) {
  return std::span(sample.ids).first(sample.ids.size() - 1);
}

struct SampleSet {
  std::vector<Sample> samples;
  // SHA-256 over all ids and their supervision, in order.
  std::string sha256;
  // Left out: longer than the limit (Overlong::skip), and marked as skipped by `prepare`.
  std::int64_t overlong = 0, skipped = 0;
  // Ids of the first few of the overlong.
  std::vector<std::string> overlong_ids;
  std::int64_t tokens = 0, longest = 0;
};

/// Prompt (its ids where the row has them) and completion encoded apart and joined, the end token
/// once after them. `limit` is the longest sample allowed. Throws Error naming the row's id for a
/// sample without a supervised token (an empty completion) and, where the policy is `error`, for
/// one over the limit; where nothing is left.
SampleSet make_samples(std::span<const task::Item> items, const text::Tokenizer& tokenizer,
                       TokenId end_token, std::int64_t limit, const TrainOptions& options);

}  // namespace tradeoff::train
