#pragma once
#include <functional>

#include "tradeoff/task/render.hpp"

namespace tradeoff::task {

/// The ledger of one overflow policy: takes over a prompt into each item and counts.
/// Throws Error naming the first prompt over the limit where the policy is `error`.
RenderedItems collect_items(std::size_t count, std::size_t shots, const PromptLimit& limit,
                            const std::function<Item(std::size_t)>& item_at,
                            const std::function<Prompt(std::size_t)>& prompt_at);

/// Throws Error where the chat template is asked of a model folder without one.
void check_template(Template prompt_template, const PromptModel& model);

}  // namespace tradeoff::task
