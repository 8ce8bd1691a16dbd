#include "collect.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"

namespace tradeoff::task {

RenderedItems collect_items(std::size_t count, std::size_t shots, const PromptLimit& limit,
                            const std::function<Item(std::size_t)>& item_at,
                            const std::function<Prompt(std::size_t)>& prompt_at) {
  RenderedItems rendered;
  rendered.items.reserve(count);
  OverflowCounts& counts = rendered.counts;
  std::string first_too_long;
  for (std::size_t i = 0; i < count; ++i) {
    Item item = item_at(i);
    Prompt prompt = prompt_at(i);
    item.prompt = std::move(prompt.text);
    item.prompt_tokens = static_cast<int>(prompt.ids.size());
    item.shots_used = static_cast<int>(prompt.shots_used);
    item.overflow = std::move(prompt.overflow);
    item.skipped = prompt.too_long;
    counts.items += 1;
    counts.skipped += prompt.too_long ? 1 : 0;
    counts.shots_dropped += !prompt.too_long && prompt.shots_used < shots ? 1 : 0;
    counts.tokens += prompt.ids.size();
    counts.longest = std::max(counts.longest, prompt.ids.size());
    if (prompt.needs_ids) item.prompt_ids = std::move(prompt.ids);
    if (prompt.too_long && first_too_long.empty()) {
      first_too_long = fmt::format("item {}: {}", to_line(item.id), item.overflow);
    }
    rendered.items.push_back(std::move(item));
  }
  if (limit.overflow == Overflow::error && counts.skipped > 0) {
    fail(
        fmt::format("{} of {} prompts are longer than max_prompt_tokens, the first is {}; give a "
                    "larger limit, or --overflow drop-shots or skip",
                    counts.skipped, counts.items, first_too_long));
  }
  return rendered;
}

void check_template(Template prompt_template, const PromptModel& model) {
  if (prompt_template == Template::chat && !model.chat) {
    fail(
        "found a model without a chat template, expected one for template = chat; use "
        "template = plain");
  }
}

std::string prompts_sha256(std::span<const Item> items) {
  Sha256 hash;
  for (const Item& item : items) {
    Json row;
    row["id"] = item.id;
    row["prompt"] = item.prompt;
    row["prompt_ids"] = item.prompt_ids;
    hash.update(to_line(row) + "\n");
  }
  return hash.finish();
}

}  // namespace tradeoff::task
