#include <algorithm>
#include <string>

#include "answer_regions.hpp"
#include "sql_scan.hpp"
#include "unicode.hpp"

namespace tradeoff::task {
namespace {

constexpr std::string_view kEndTokens[] = {"<|eot_id|>",          "<|eom_id|>", "<|end_of_text|>",
                                           "<|endoftext|>",       "<|im_end|>", "<|im_start|>",
                                           "<|start_header_id|>", "</s>",       "<|begin_of_text|>",
                                           "<end_of_turn>",       "<|end|>",    "<|return|>"};

struct Marks {
  std::string_view open, close;
};
// In lower case: marks count in any case.
constexpr Marks kThoughts[] = {
    {"<think>", "</think>"},
    {"<thinking>", "</thinking>"},
    {"<thought>", "</thought>"},
    {"<thoughts>", "</thoughts>"},
    {"<reasoning>", "</reasoning>"},
    {"<reason>", "</reason>"},
    {"<analysis>", "</analysis>"},
    {"<scratchpad>", "</scratchpad>"},
    {"<reflection>", "</reflection>"},
    {"<cot>", "</cot>"},
    {"<plan>", "</plan>"},
    {"<seed:think>", "</seed:think>"},
    {"[think]", "[/think]"},
    {"<|begin_of_thought|>", "<|end_of_thought|>"},
    {"\u25c1think\u25b7", "\u25c1/think\u25b7"},
};
// Reasoning of models that write in channels stands before the channel of the answer.
constexpr Marks kChannel = {"<|channel|>analysis<|message|>", "<|channel|>final<|message|>"};

// Behind the last end of reasoning; before it where nothing stands behind it, or where it does not
// end. A template may have written the opening mark, so that the answer holds the closing one only.
std::string without(const std::string& text, const Marks& marks) {
  const std::string small = lower(text);
  const std::size_t close = small.rfind(marks.close);
  if (close == std::string::npos) return text.substr(0, small.find(marks.open));
  std::string behind = text.substr(close + marks.close.size());
  const std::size_t open = small.find(marks.open);
  if (!strip(behind).empty() || open == std::string::npos || open > close) return behind;
  return text.substr(0, open);
}

}  // namespace

std::string answer_of(std::string_view raw) {
  std::string text = without(std::string(raw), kChannel);
  const auto drop_header = [&](std::string_view opening, std::string_view closing) {
    if (!std::string_view(text).substr(skip_space(text, 0)).starts_with(opening)) return;
    const std::size_t end = text.find(closing);
    if (end != std::string::npos) text.erase(0, end + closing.size());
  };
  drop_header("<|start_header_id|>", "<|end_header_id|>");
  drop_header("<|im_start|>", "\n");
  drop_header("<start_of_turn>", "\n");
  std::size_t end = text.size();
  for (const std::string_view token : kEndTokens) end = std::min(end, text.find(token));
  text.resize(end);
  for (const Marks& marks : kThoughts) text = without(text, marks);
  return text;
}

bool thinks(std::string_view raw) {
  const std::string small = lower(raw);
  const auto holds = [&](const Marks& marks) {
    return small.find(marks.open) != std::string::npos;
  };
  return holds(kChannel) || std::any_of(std::begin(kThoughts), std::end(kThoughts), holds);
}

}  // namespace tradeoff::task
