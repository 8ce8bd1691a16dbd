#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tradeoff/text/chat_template.hpp"
#include "tradeoff/text/tokenizer.hpp"

namespace tradeoff::task {

enum class Template {
  chat,       // the model's chat template, ending where the assistant's answer begins
  plain,      // the text alone; a Spider answer then ends at the first line break
  hendrycks,  // MMLU alone: the text as the original hendrycks/test has it
};

/// What becomes of a prompt that is longer than max_prompt_tokens. Nothing is ever cut.
enum class Overflow {
  error,       // the run does not start
  drop_shots,  // the last shot is left out until it fits; a prompt too long even with none is
               // skipped
  skip,        // the row is kept, marked, and counted as wrong
};

struct PromptLimit {
  // Tokens of a prompt, the answer not counted; the same for training and evaluation. 0: no limit.
  std::size_t max_prompt_tokens = 0;
  Overflow overflow = Overflow::error;
};

/// What a prompt needs of a model. The tokenizer must outlive it.
struct PromptModel {
  const text::Tokenizer& tokenizer;
  // The model's own chat template, or the one given in its place; Template::chat needs it.
  std::optional<text::ChatTemplate> chat = std::nullopt;
};

struct Prompt {
  std::string text;
  std::vector<text::TokenId> ids;
  // Data in the text spells a special token: only `ids` say that it is none.
  bool needs_ids = false;
  std::size_t shots_used = 0;
  // Longer than the limit allows, even after the policy has dropped shots.
  bool too_long = false;
  // "603 tokens with 3 shots, limit 512"; empty where all shots fitted.
  std::string overflow;
};

/// The prompt of `render(shots)` with the most shots, at most `shots`, that the policy and the
/// limit leave.
Prompt fit_prompt(const PromptModel& model, const PromptLimit& limit, std::size_t shots,
                  const std::function<std::vector<text::Segment>(std::size_t)>& render);

/// Messages through the model's chat template, ending where the answer begins.
std::vector<text::Segment> chat_segments(const PromptModel& model,
                                         const std::vector<text::Message>& messages);

/// Text without a chat template. Llama-3's vocabulary gets its one <|begin_of_text|>, another what
/// its tokenizer.json's post-processor puts in front.
std::vector<text::Segment> plain_segments(const PromptModel& model, std::string text);

/// How often the policy acted. Kept with the results.
struct OverflowCounts {
  std::size_t items = 0;
  // Of them, with fewer shots than asked, and skipped.
  std::size_t shots_dropped = 0, skipped = 0;
  // Of the prompts as they are used, skipped ones included.
  std::size_t longest = 0, tokens = 0;
};

}  // namespace tradeoff::task
