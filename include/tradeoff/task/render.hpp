#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/task/mmlu.hpp"
#include "tradeoff/task/prompt.hpp"
#include "tradeoff/task/rendered.hpp"
#include "tradeoff/task/spider.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::task {

/// Versions of the prompt formats; stored with results, raised whenever a prompt changes by a byte.
inline constexpr int kSpiderPromptVersion = 1;
inline constexpr int kMmluPromptVersion = 1;

/// Spider prompts: instruction, solved examples, the question's schema, the question; the same
/// bytes for training and evaluation. Examples are train's, drawn by the seed (stream "shots"),
/// each with its own schema. chat: one user turn. plain: the answer goes on after "SQL:" and a line
/// break.
class SpiderRenderer {
 public:
  /// `spider` and the model's tokenizer must outlive it. Throws Error for chat where the model has
  /// no chat template.
  SpiderRenderer(const Spider& spider, const PromptModel& model, const PromptOptions& options);
  ~SpiderRenderer();

  /// Deterministic in (example, seed, shots, template, limit). Throws Error where train has too few
  /// examples.
  Prompt render(const SpiderExample& example) const;
  /// The rows of dev questions, by index (draw_spider). The id is the index.
  /// Throws Error naming the first prompt over the limit where the policy is `error`.
  RenderedItems dev_items(std::span<const std::size_t> indices) const;
  /// The rows of the first `count` train examples (0: all), each with its gold SQL on one line as
  /// completion.
  RenderedItems train_items(std::size_t count = 0) const;
  /// SHA-256 of what the format makes of a fixed made-up question: changes with any byte of the
  /// format.
  std::string template_sha256() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// MMLU prompts as lm-evaluation-harness makes them (task `mmlu`, fewshot first_n: dev rows of the
/// subject in file order). plain: choices
/// " A" to " D". chat: the description as system message, examples and question in one user turn or
/// in turns of their own, choices "A" to "D". hendrycks: as hendrycks/test's evaluate.py has them:
/// two blanks after "about", questions with the blanks at their ends; choices as in plain.
class MmluRenderer {
 public:
  /// `mmlu` and the model's tokenizer must outlive it. Throws Error where a subject has fewer dev
  /// rows than shots, and for chat where the model has no chat template.
  MmluRenderer(const Mmlu& mmlu, const PromptModel& model, const PromptOptions& options);

  Prompt render(MmluPlace place) const;
  /// The id is "<subject>/<row from 0>". Throws Error naming the first prompt over the limit where
  /// the policy is `error`.
  RenderedItems items(std::span<const MmluPlace> places) const;
  std::string template_sha256() const;

 private:
  const Mmlu& mmlu_;
  PromptModel model_;
  PromptOptions options_;
};

}  // namespace tradeoff::task
