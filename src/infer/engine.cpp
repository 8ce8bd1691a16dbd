#include "tradeoff/infer/engine.hpp"

#include <ATen/ops/cat.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>

#include "few_rows.hpp"
#include "layout.hpp"
#include "pass_builder.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/model/device.hpp"
#include "tradeoff/model/ops.hpp"

namespace tradeoff::infer {
namespace {

// An arena is made by 1 / kSpareRows larger than is asked for.
constexpr std::int64_t kSpareRows = 4;
// Tokens of a pass: longer ones bring nothing on a CPU, and fewer gaps on a GPU.
constexpr std::int64_t kCpuPass = 4096, kCudaPass = 16384;

// Keys and values of new tokens that samples decoded together may hold on the CPU.
constexpr std::int64_t kCpuSampleBytes = std::int64_t{1} << 30;

using model::SpanLevel;

std::int64_t row_bytes(const model::DecoderConfig& config, c10::ScalarType dtype) {
  const auto size = static_cast<std::int64_t>(c10::elementSize(dtype));
  return 2 * size * config.num_hidden_layers * config.kv_width();
}

}  // namespace

std::int64_t arena_rows(const model::DecoderConfig& config, c10::ScalarType dtype,
                        c10::Device device) {
  if (device.is_cpu()) return 0;
  return model::memory_bytes(device) / 4 * kSpareRows / (kSpareRows + 1) / row_bytes(config, dtype);
}

Engine::Engine(model::Decoder& model, const EngineOptions& options)
    : model_(model), options_(options) {
  if (options_.max_pass_tokens == 0)
    options_.max_pass_tokens = model.device().is_cpu() ? kCpuPass : kCudaPass;
  check(options_.max_pass_tokens > 0, "max_pass_tokens must be positive");
  make_few_rows();
}
Engine::~Engine() = default;

// A function of the chunk, the model and the kind of device.
std::int64_t Engine::samples_at_once(const Chunk& chunk, std::int64_t new_tokens,
                                     std::int64_t samples) const {
  if (samples == 1) return 1;
  std::int64_t most = options_.sample_rows;
  if (most == 0) {
    const std::int64_t arena = arena_rows(model_.config(), model_.dtype(), model_.device());
    most = arena > 0 ? arena - chunk.root_tokens - chunk.tokens
                     : kCpuSampleBytes / row_bytes(model_.config(), model_.dtype());
  }
  const std::int64_t rows = std::ssize(chunk.prompts) * std::max<std::int64_t>(1, new_tokens);
  return std::clamp<std::int64_t>(most / rows, 1, samples);
}

// Rows of the arena: [root | runs, depth first]; a leaf of a generating chunk is followed by the
// rows of its new tokens, so that prompt end and a single answer are one span of keys; of several
// samples each that is decoded at the same time has rows of its own after the leaf that they share.
// Without generation a leaf's rows are used again by the next pass.
Engine::Layout Engine::make_layout(const Chunk& chunk,
                                   std::span<const std::vector<TokenId>> prompts,
                                   std::int64_t new_tokens, std::int64_t samples) {
  Layout layout;
  layout.new_tokens = new_tokens;
  layout.samples = samples;
  layout.at_once = samples_at_once(chunk, new_tokens, samples);
  for (const std::int64_t index : chunk.prompts) layout.prompts.push_back(&prompts[index]);
  layout.tree = build_prefix_tree(layout.prompts, chunk.root_tokens);
  const auto& runs = layout.tree.runs;
  const std::size_t n = runs.size();
  layout.leaf_run.resize(layout.prompts.size());
  std::int64_t token = 0;
  for (std::size_t i = 0; i < n; ++i) {
    layout.first_token.push_back(token);
    token += runs[i].tokens();
    layout.depth.push_back(runs[i].parent < 0 ? 0 : layout.depth[runs[i].parent] + 1);
    layout.max_depth = std::max(layout.max_depth, layout.depth.back());
    if (runs[i].leaf) layout.leaf_run[runs[i].prompt] = static_cast<std::int64_t>(i);
  }
  layout.subtree_end.resize(n);
  for (std::size_t i = n; i-- > 0;) {
    layout.subtree_end[i] =
        std::max(layout.subtree_end[i], layout.first_token[i] + runs[i].tokens());
    if (runs[i].parent >= 0) {
      auto& end = layout.subtree_end[runs[i].parent];
      end = std::max(end, layout.subtree_end[i]);
    }
  }
  // Passes end between runs where they can; a run longer than a pass is cut.
  layout.wave = {0};
  for (std::size_t i = 0; i < n; ++i) {
    const std::int64_t begin = layout.first_token[i], end = begin + runs[i].tokens();
    if (end - layout.wave.back() > options_.max_pass_tokens && begin > layout.wave.back())
      layout.wave.push_back(begin);
    while (end - layout.wave.back() > options_.max_pass_tokens)
      layout.wave.push_back(layout.wave.back() + options_.max_pass_tokens);
  }
  if (layout.wave.back() < token) layout.wave.push_back(token);

  std::int64_t row = chunk.root_tokens;
  layout.row.resize(n);
  std::vector<bool> passing(n, false);  // leaves whose rows may be used again
  for (std::size_t i = 0; i < n; ++i) {
    passing[i] = runs[i].leaf && new_tokens == 0 && runs[i].tokens() <= options_.max_pass_tokens;
    if (passing[i]) continue;
    layout.row[i] = row;
    row += runs[i].tokens() + (runs[i].leaf ? new_tokens * layout.at_once : 0);
  }
  std::int64_t highest = row;
  std::size_t wave = 0;
  std::int64_t passing_row = row;
  for (std::size_t i = 0; i < n; ++i) {
    while (layout.first_token[i] >= layout.wave[wave + 1]) {
      ++wave;
      passing_row = row;
    }
    if (!passing[i]) continue;
    layout.row[i] = passing_row;
    passing_row += runs[i].tokens();
    highest = std::max(highest, passing_row);
  }
  reserve(highest + 1);  // the last row is FewRows' spare one
  return layout;
}

// Anew with every arena: recorded graphs hold its addresses.
void Engine::make_few_rows() {
  if (FewRows::takes(model_)) few_rows_ = std::make_unique<FewRows>(model_, options_.cuda_graphs);
}

void Engine::reserve(std::int64_t rows) {
  if (arena_.capacity() >= rows) return;
  arena_ = {};
  root_.clear();
  arena_ = model_.make_arena(rows + rows / kSpareRows);
  make_few_rows();
}

void Engine::compute_root(std::span<const TokenId> root) {
  if (std::ranges::equal(root, root_)) return;
  root_.clear();
  const auto size = static_cast<std::int64_t>(root.size());
  for (std::int64_t begin = 0; begin < size; begin += options_.max_pass_tokens) {
    const std::int64_t end = std::min(size, begin + options_.max_pass_tokens);
    PassBuilder pass;
    for (std::int64_t i = begin; i < end; ++i) {
      pass.ids.push_back(root[i]);
      pass.position.push_back(i);
      pass.kv_row.push_back(i);
    }
    model_.forward(pass.finish({{{{0, end - begin, 0, end}}, true}}, model_.device()), arena_);
  }
  prefill_tokens_ += size;
  root_.assign(root.begin(), root.end());
}

at::Tensor Engine::prefill(const Layout& layout) {
  const auto& runs = layout.tree.runs;
  const std::int64_t root = layout.tree.root_tokens;
  compute_root(std::span(*layout.prompts.front()).first(root));
  std::vector<at::Tensor> hidden;
  for (std::size_t wave = 0; wave + 1 < layout.wave.size(); ++wave) {
    const std::int64_t w0 = layout.wave[wave], w1 = layout.wave[wave + 1];
    PassBuilder pass;
    SpanLevel own{{}, true}, from_root{{}, false};
    if (root > 0) from_root.spans.push_back({0, w1 - w0, 0, root});
    std::vector<SpanLevel> above(layout.max_depth);  // by the depth of the ancestor
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const std::int64_t t0 = layout.first_token[i], t1 = t0 + runs[i].tokens();
      // Descendants of this run inside the pass see all of it.
      const std::int64_t d0 = std::max(t1, w0), d1 = std::min(layout.subtree_end[i], w1);
      if (d0 < d1)
        above[layout.depth[i]].spans.push_back(
            {d0 - w0, d1 - d0, layout.row[i], runs[i].tokens(), runs[i].begin});
      const std::int64_t begin = std::max(t0, w0), end = std::min(t1, w1);
      if (begin >= end) continue;
      own.spans.push_back({begin - w0, end - begin, layout.row[i], end - t0, runs[i].begin});
      for (std::int64_t t = begin; t < end; ++t) {
        const std::int64_t position = runs[i].begin + (t - t0);
        pass.ids.push_back((*layout.prompts[runs[i].prompt])[position]);
        pass.position.push_back(position);
        pass.kv_row.push_back(layout.row[i] + (t - t0));
      }
      if (runs[i].leaf && end == t1) pass.out_rows.push_back(t1 - 1 - w0);
    }
    std::vector<SpanLevel> levels = {std::move(own), std::move(from_root)};
    for (SpanLevel& level : above) levels.push_back(std::move(level));
    const auto ended = static_cast<std::int64_t>(pass.out_rows.size());
    hidden.push_back(model_.forward(pass.finish(std::move(levels), model_.device()), arena_));
    if (layout.new_tokens == 0) tell_answers(ended);
  }
  prefill_tokens_ += layout.tree.tokens;
  // Leaves come in the order of the prompts, so the rows do too.
  return at::cat(hidden);
}

void Engine::tell_answers(std::int64_t count) const {
  if (count > 0 && options_.on_answers) options_.on_answers(count);
}

std::vector<ChoiceScores> Engine::score_choices(const Chunk& chunk,
                                                std::span<const std::vector<TokenId>> prompts,
                                                std::span<const std::vector<TokenId>> choices) {
  const c10::InferenceMode inference;
  check(choices.size() == chunk.prompts.size(),
        "score_choices: one list of choices a prompt is expected");
  const Layout layout = make_layout(chunk, prompts, 0);
  const at::Tensor logits = model_.logits(prefill(layout));
  const auto count = static_cast<std::int64_t>(choices.front().size());
  std::vector<std::int64_t> columns;
  for (const auto& list : choices) {
    check(static_cast<std::int64_t>(list.size()) == count,
          "score_choices: prompts with different numbers of choices");
    columns.insert(columns.end(), list.begin(), list.end());
  }
  const at::Tensor index = ids_tensor(columns, model_.device()).view({-1, count});
  const at::Tensor values = model::log_softmax_at(logits, index).cpu();
  const at::Tensor likeliest = model::argmax_rows(logits).cpu();
  std::vector<ChoiceScores> result;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const float* row = values.const_data_ptr<float>() + static_cast<std::int64_t>(i) * count;
    const auto token = static_cast<TokenId>(likeliest.const_data_ptr<std::int64_t>()[i]);
    const auto choice = std::ranges::find(choices[i], token);
    const bool among = choice != choices[i].end();
    result.push_back(
        {{row, row + count}, among ? static_cast<int>(choice - choices[i].begin()) : -1});
  }
  return result;
}

}  // namespace tradeoff::infer
