// Decoding: all rows of a chunk in passes; greedily, few of them by steps that stay on the device.
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>

#include "few_rows.hpp"
#include "layout.hpp"
#include "pass_builder.hpp"
#include "tradeoff/infer/engine.hpp"
#include "tradeoff/model/ops.hpp"

namespace tradeoff::infer {

using model::SpanLevel;

// Logits that are sampled from at a time: 128 MiB.
constexpr std::int64_t kSampledLogits = std::int64_t{1} << 25;

struct Engine::Next {
  std::vector<TokenId> tokens;
  std::vector<float> logprobs;  // sampled tokens' alone
};

// Takes the next token of an answer; true where the answer goes on.
bool Engine::take(Answer& answer, TokenId token, const GenerateOptions& options) {
  ++decoded_tokens_;
  if (std::ranges::find(options.end_tokens, token) != options.end_tokens.end()) {
    answer.finish = Finish::stop;
    return false;
  }
  answer.ids.push_back(token);
  if (options.stop && options.stop(answer.ids)) {
    answer.finish = Finish::stop;
    return false;
  }
  return static_cast<std::int64_t>(answer.ids.size()) < options.max_new_tokens;
}

// The next token of each active answer. At the first step a prompt's answers all come after one row
// of hidden states.
Engine::Next Engine::next_tokens(const at::Tensor& hidden, const GenerateOptions& options,
                                 std::int64_t step, std::span<const std::int64_t> active) const {
  Next next;
  if (options.sampling.greedy()) {
    const at::Tensor tokens = model::argmax_rows(model_.logits(hidden)).cpu();
    const auto* const data = tokens.const_data_ptr<std::int64_t>();
    next.tokens.assign(data, data + tokens.numel());
    return next;
  }
  const std::int64_t rows = hidden.size(0), width = std::ssize(active) / rows;
  const std::int64_t slice = std::max<std::int64_t>(1, kSampledLogits / model_.config().vocab_size);
  for (std::int64_t begin = 0; begin < rows; begin += slice) {
    const std::int64_t count = std::min(slice, rows - begin);
    std::vector<double> uniforms;
    for (const std::int64_t text : active.subspan(begin * width, count * width)) {
      const std::int64_t samples = options.sampling.samples;
      uniforms.push_back(uniform_draw(options.keys[text / samples], text % samples, step));
    }
    const at::Tensor logits = model_.logits(hidden.narrow(0, begin, count));
    const at::Tensor tokens = draw(
        logits, options.sampling,
        at::tensor(uniforms, c10::ScalarType::Double).view({count, width}).to(hidden.device()));
    const at::Tensor host = tokens.cpu().contiguous();
    const auto* const id = host.const_data_ptr<std::int64_t>();
    check(
        std::none_of(id, id + host.numel(), [](TokenId token) { return token < 0; }),
        "sampling: the logits of an answer hold no finite number; with --dtype float16 a model may "
        "leave its range");
    const at::Tensor logprobs = model::log_softmax_at(logits, tokens).cpu().contiguous();
    const auto* const logprob = logprobs.const_data_ptr<float>();
    next.tokens.insert(next.tokens.end(), id, id + host.numel());
    next.logprobs.insert(next.logprobs.end(), logprob, logprob + host.numel());
  }
  return next;
}

std::vector<Answer> Engine::generate(const Chunk& chunk,
                                     std::span<const std::vector<TokenId>> prompts,
                                     const GenerateOptions& options) {
  const c10::InferenceMode inference;
  const bool greedy = options.sampling.greedy();
  const std::int64_t samples = greedy ? 1 : options.sampling.samples;
  check(greedy || options.keys.size() == chunk.prompts.size(),
        "generate: one key of draws a prompt is expected");
  std::vector<Answer> answers(chunk.prompts.size() * static_cast<std::size_t>(samples));
  if (options.max_new_tokens <= 0) return answers;
  const Layout layout = make_layout(chunk, prompts, options.max_new_tokens, samples);
  const at::Tensor hidden = prefill(layout);
  for (std::int64_t first = 0; first < samples; first += layout.at_once) {
    std::vector<std::int64_t> active;
    for (std::int64_t i = 0; i < std::ssize(answers); ++i) {
      if (i % samples / layout.at_once == first / layout.at_once) active.push_back(i);
    }
    decode(layout, options, hidden, std::move(active), answers);
  }
  return answers;
}

// The active answers from their first token on; `hidden` [prompts, D] is what comes before it.
void Engine::decode(const Layout& layout, const GenerateOptions& options, at::Tensor hidden,
                    std::vector<std::int64_t> active, std::span<Answer> answers) {
  const bool greedy = options.sampling.greedy();
  for (std::int64_t step = 0;; ++step) {
    const Next next = next_tokens(hidden, options, step, active);
    std::vector<std::int64_t> going;
    for (std::size_t i = 0; i < active.size(); ++i) {
      Answer& answer = answers[active[i]];
      if (!greedy) answer.logprob += next.logprobs[i];
      if (take(answer, next.tokens[i], options)) going.push_back(active[i]);
    }
    tell_answers(std::ssize(active) - std::ssize(going));
    active = std::move(going);
    if (active.empty()) return;
    if (greedy && takes_few_rows(layout, active.size())) {
      decode_few_rows(layout, options, step, std::move(active), answers);
      return;
    }
    hidden = model_.forward(decode_pass(layout, step, active, answers), arena_);
  }
}

// The newest token of each active answer, as a pass.
model::Pass Engine::decode_pass(const Layout& layout, std::int64_t step,
                                std::span<const std::int64_t> active,
                                std::span<const Answer> answers) const {
  const auto& runs = layout.tree.runs;
  PassBuilder pass;
  SpanLevel own{{}, false}, from_root{{}, false};
  std::vector<SpanLevel> shared(layout.max_depth + 1);  // by the depth of the run
  const auto count = static_cast<std::int64_t>(active.size());
  if (layout.tree.root_tokens > 0)
    from_root.spans.push_back({0, count, 0, layout.tree.root_tokens});
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t answer = active[i], prompt = answer / layout.samples;
    const std::int64_t leaf = layout.leaf_run[prompt], tokens = runs[leaf].tokens();
    const auto position = static_cast<std::int64_t>(layout.prompts[prompt]->size());
    const std::int64_t first =
        layout.row[leaf] + tokens + answer % layout.samples % layout.at_once * layout.new_tokens;
    pass.ids.push_back(answers[answer].ids.back());
    pass.position.push_back(position + step);
    pass.kv_row.push_back(first + step);
    pass.out_rows.push_back(i);
    const bool alone = layout.samples == 1;
    if (alone) {
      own.spans.push_back({i, 1, layout.row[leaf], tokens + step + 1, runs[leaf].begin});
    } else {
      own.spans.push_back({i, 1, first, step + 1, position});
    }
    for (std::int64_t run = alone ? runs[leaf].parent : leaf; run >= 0; run = runs[run].parent) {
      auto& spans = shared[layout.depth[run]].spans;
      if (!spans.empty() && spans.back().k_begin == layout.row[run] &&
          spans.back().q_begin + spans.back().q_count == i) {
        ++spans.back().q_count;
      } else {
        spans.push_back({i, 1, layout.row[run], runs[run].tokens(), runs[run].begin});
      }
    }
  }
  std::vector<SpanLevel> levels = {std::move(own), std::move(from_root)};
  for (SpanLevel& level : shared) levels.push_back(std::move(level));
  return pass.finish(std::move(levels), model_.device());
}

bool Engine::takes_few_rows(const Layout& layout, std::size_t rows) const {
  // A text's own keys, those of the root and of the runs between.
  return FewRows::takes(model_) && static_cast<std::int64_t>(rows) <= FewRows::kMost &&
         layout.max_depth + 2 <= model::KeyChains::kLevels;
}

// The same token as decode_pass has it.
TextRow Engine::text_row(const Layout& layout, std::int64_t step, std::int64_t prompt,
                         const Answer& answer) const {
  const auto& runs = layout.tree.runs;
  const std::int64_t leaf = layout.leaf_run[prompt];
  TextRow row;
  row.id = answer.ids.back();
  row.position = static_cast<std::int64_t>(layout.prompts[prompt]->size()) + step;
  row.kv_row = layout.row[leaf] + runs[leaf].tokens() + step;
  row.keys.push_back({layout.row[leaf], runs[leaf].tokens() + step + 1, runs[leaf].begin});
  for (std::int64_t run = runs[leaf].parent; run >= 0; run = runs[run].parent)
    row.keys.push_back({layout.row[run], runs[run].tokens(), runs[run].begin});
  if (layout.tree.root_tokens > 0) row.keys.push_back({0, layout.tree.root_tokens, 0});
  return row;
}

// Goes on from `step`, at which each active prompt has its newest token. The device is a step ahead
// of the host; what it computes for answers that have ended meanwhile nobody reads.
void Engine::decode_few_rows(const Layout& layout, const GenerateOptions& options,
                             std::int64_t step, std::vector<std::int64_t> active,
                             std::span<Answer> answers) {
  std::int64_t longest = 0;
  for (const auto* prompt : layout.prompts)
    longest = std::max(longest, static_cast<std::int64_t>(prompt->size()));
  while (!active.empty()) {
    std::vector<TextRow> rows;
    for (const std::int64_t prompt : active)
      rows.push_back(text_row(layout, step, prompt, answers[prompt]));
    few_rows_->start(rows, longest + options.max_new_tokens, arena_.capacity() - 1, arena_);
    std::vector<bool> going(active.size(), true);
    std::int64_t left = static_cast<std::int64_t>(active.size());
    const auto read = [&] {
      const std::vector<TokenId> tokens = few_rows_->tokens();
      ++step;
      const std::int64_t before = left;
      for (std::size_t i = 0; i < active.size(); ++i) {
        if (!going[i]) continue;
        going[i] = take(answers[active[i]], tokens[i], options);
        left -= !going[i];
      }
      tell_answers(before - left);
    };
    const std::int64_t size = FewRows::padded(left);
    // Of an answer at `step` max_new_tokens - step - 1 tokens are left.
    std::int64_t ahead = 0;
    while (left > 0 && FewRows::padded(left) == size) {
      for (; ahead < 2 && step + ahead + 1 < options.max_new_tokens; ++ahead) few_rows_->step();
      read();
      --ahead;
    }
    for (; ahead > 0; --ahead) read();
    std::size_t kept = 0;
    for (std::size_t i = 0; i < active.size(); ++i) {
      if (going[i]) active[kept++] = active[i];
    }
    active.resize(kept);
  }
}

}  // namespace tradeoff::infer
