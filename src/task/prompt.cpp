#include "tradeoff/task/prompt.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tradeoff/base/error.hpp"

namespace tradeoff::task {
namespace {

using text::Segment;
using text::SegmentKind;
using text::TokenId;

struct Spelled {
  std::size_t at;
  TokenId id;
  friend bool operator==(const Spelled&, const Spelled&) = default;
};

void find_specials(const text::Tokenizer& tokenizer, std::string_view text, std::size_t offset,
                   std::vector<Spelled>& found) {
  for (std::size_t at = 0; const auto special = tokenizer.find_special(text, at);) {
    found.push_back({offset + special->at, special->id});
    at = special->at + special->length;
  }
}

// Whether parsing the joined text finds special tokens where the template wrote none.
bool data_spells_specials(const text::Tokenizer& tokenizer, const std::vector<Segment>& segments,
                          const std::string& joined) {
  std::vector<Spelled> meant, read;
  std::size_t offset = 0;
  for (const Segment& segment : segments) {
    if (segment.kind == SegmentKind::markup) {
      find_specials(tokenizer, segment.text, offset, meant);
    }
    offset += segment.text.size();
  }
  find_specials(tokenizer, joined, 0, read);
  return meant != read;
}

// Llama-3 prompts hold <|begin_of_text|> once, in front: twice costs points silently.
void check_bos(const text::Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  const auto bos = tokenizer.special_id("<|begin_of_text|>");
  if (!bos) return;
  const auto count = std::count(ids.begin(), ids.end(), *bos);
  if (count != 1 || ids.front() != *bos) {
    fail(
        fmt::format("the prompt holds <|begin_of_text|> {} times, expected once, in front", count));
  }
}

Prompt make_prompt(const PromptModel& model, const std::vector<Segment>& segments,
                   std::size_t shots) {
  Prompt prompt;
  prompt.text = text_of(segments);
  prompt.ids = encode_segments(model.tokenizer, segments);
  prompt.needs_ids = data_spells_specials(model.tokenizer, segments, prompt.text);
  prompt.shots_used = shots;
  if (!model.chat) check_bos(model.tokenizer, prompt.ids);  // else the template's own BOS stands
  return prompt;
}

}  // namespace

Prompt fit_prompt(const PromptModel& model, const PromptLimit& limit, std::size_t shots,
                  const std::function<std::vector<Segment>(std::size_t)>& render) {
  const auto is_long = [&](const Prompt& prompt) {
    return limit.max_prompt_tokens > 0 && prompt.ids.size() > limit.max_prompt_tokens;
  };
  Prompt prompt = make_prompt(model, render(shots), shots);
  if (!is_long(prompt)) return prompt;
  const std::string why = fmt::format("{} tokens with {} shots, limit {}", prompt.ids.size(), shots,
                                      limit.max_prompt_tokens);
  if (limit.overflow == Overflow::drop_shots) {
    while (is_long(prompt) && shots > 0) {
      --shots;
      prompt = make_prompt(model, render(shots), shots);
    }
  }
  prompt.too_long = is_long(prompt);
  prompt.overflow = why;
  if (prompt.too_long && limit.overflow == Overflow::drop_shots) {
    prompt.overflow += fmt::format(", {} with none", prompt.ids.size());
  }
  return prompt;
}

std::vector<Segment> chat_segments(const PromptModel& model,
                                   const std::vector<text::Message>& messages) {
  check(model.chat.has_value(), "a chat is rendered without a chat template");
  return model.chat->render(messages, true);
}

std::vector<Segment> plain_segments(const PromptModel& model, std::string text) {
  constexpr std::string_view kBos = "<|begin_of_text|>";
  std::vector<Segment> segments;
  if (model.tokenizer.special_id(kBos)) {
    segments.push_back({std::string(kBos), SegmentKind::markup});
  } else if (model.tokenizer.vocabulary().adds_bos.value_or(false)) {
    check(model.tokenizer.bos().has_value(),
          "the tokenizer puts a token before every text, but names no bos_token");
    const text::TokenId bos = *model.tokenizer.bos();
    segments.push_back({std::string(model.tokenizer.token_bytes(bos)), SegmentKind::markup});
  }
  segments.push_back({std::move(text), SegmentKind::data});
  return segments;
}

}  // namespace tradeoff::task
