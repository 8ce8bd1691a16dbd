#include "tradeoff/train/sample.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"

namespace tradeoff::train {
namespace {

// Rows that a message names; the others are counted.
constexpr std::size_t kNamed = 5;

std::string_view bytes_of(const std::vector<TokenId>& ids) {
  return {reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(TokenId)};
}

Sample make_sample(const task::Item& item, const text::Tokenizer& tokenizer, TokenId end_token,
                   bool train_on_prompt) {
  Sample sample;
  sample.id = task::id_text(item.id);
  sample.ids = item.prompt_ids;
  if (sample.ids.empty()) sample.ids = tokenizer.encode(item.prompt, text::Specials::parse);
  const auto prompt = static_cast<std::int64_t>(sample.ids.size());
  const auto completion = tokenizer.encode(item.completion, text::Specials::as_text);
  sample.ids.insert(sample.ids.end(), completion.begin(), completion.end());
  if (completion.empty() || completion.back() != end_token) sample.ids.push_back(end_token);
  // Nothing comes before the first token that could predict it.
  sample.first_supervised = train_on_prompt ? 1 : std::max<std::int64_t>(prompt, 1);
  const auto vocab = static_cast<TokenId>(tokenizer.vocab_size());
  for (const TokenId id : sample.ids) {
    if (id < 0 || id >= vocab) {
      fail(fmt::format("row {}: prompt_ids: found {}, expected ids of 0 to {}", sample.id, id,
                       vocab - 1));
    }
  }
  // An end token alone would teach the model to answer nothing.
  if (sample.supervised() < 1 || (completion.empty() && !train_on_prompt)) {
    fail(fmt::format("row {}: no supervised token: found an empty completion, expected text",
                     sample.id));
  }
  return sample;
}

}  // namespace

SampleSet make_samples(std::span<const task::Item> items, const text::Tokenizer& tokenizer,
                       TokenId end_token, std::int64_t limit, const TrainOptions& options) {
  SampleSet set;
  Sha256 hash;
  for (const task::Item& item : items) {
    if (item.skipped) {
      ++set.skipped;
      continue;
    }
    Sample sample = make_sample(item, tokenizer, end_token, options.train_on_prompt);
    const auto size = static_cast<std::int64_t>(sample.ids.size());
    if (size > limit) {
      if (options.overlong == Overlong::error) {
        fail(
            fmt::format("row {}: {} tokens, the limit is {} (max_seq_length, or the model's "
                        "positions); raise it, shorten the prompts, or give --overlong skip",
                        sample.id, size, limit));
      }
      ++set.overlong;
      if (set.overlong_ids.size() < kNamed) set.overlong_ids.push_back(sample.id);
      continue;
    }
    hash.update(fmt::format("{} {} ", size, sample.first_supervised));
    hash.update(bytes_of(sample.ids));
    set.tokens += size;
    set.longest = std::max(set.longest, size);
    set.samples.push_back(std::move(sample));
  }
  if (set.samples.empty()) {
    fail(fmt::format("no training sample is left: {} rows, {} over {} tokens, {} marked as skipped",
                     items.size(), set.overlong, limit, set.skipped));
  }
  set.sha256 = hash.finish();
  return set;
}

}  // namespace tradeoff::train
