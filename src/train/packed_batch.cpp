#include "packed_batch.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "tradeoff/infer/prefix_tree.hpp"

namespace tradeoff::train {
namespace {

constexpr std::int64_t kNeverShared = std::int64_t{1} << 40;

// Where each run of the tree stands in the packed order.
struct Layout {
  std::vector<std::int64_t> first_row, subtree_end, depth;
  std::vector<std::int64_t> leaf;  // of each member
};

Layout lay_out(const infer::PrefixTree& tree, std::size_t members) {
  Layout layout;
  layout.leaf.resize(members);
  std::int64_t row = 0;
  for (std::size_t i = 0; i < tree.runs.size(); ++i) {
    const infer::TokenRun& run = tree.runs[i];
    layout.first_row.push_back(row);
    row += run.tokens();
    layout.subtree_end.push_back(row);
    layout.depth.push_back(run.parent < 0 ? 0 : layout.depth[run.parent] + 1);
    for (std::int64_t up = run.parent; up >= 0; up = tree.runs[up].parent) {
      layout.subtree_end[up] = row;
    }
    if (run.leaf) layout.leaf[run.prompt] = static_cast<std::int64_t>(i);
  }
  return layout;
}

// Each run sees itself, causally; below a run all see it whole.
std::vector<model::SpanLevel> attention_levels(const infer::PrefixTree& tree,
                                               const Layout& layout) {
  std::vector<model::SpanLevel> levels(1);
  levels.front().causal = true;
  for (std::size_t i = 0; i < tree.runs.size(); ++i) {
    const std::int64_t begin = layout.first_row[i], count = tree.runs[i].tokens();
    levels.front().spans.push_back({begin, count, begin, count, tree.runs[i].begin});
    const std::int64_t below = layout.subtree_end[i] - begin - count;
    if (below == 0) continue;
    const auto level = static_cast<std::size_t>(layout.depth[i]) + 1;
    if (levels.size() <= level) levels.resize(level + 1);
    levels[level].spans.push_back({begin + count, below, begin, count, tree.runs[i].begin});
  }
  return levels;
}

at::Tensor longs(const std::vector<std::int64_t>& values, c10::Device device) {
  return at::tensor(values, at::TensorOptions(c10::ScalarType::Long)).to(device);
}

}  // namespace

PackedBatch pack(std::span<const Sample* const> members, std::span<const std::int64_t> numbers,
                 bool share_prefix, c10::Device device) {
  const c10::InferenceMode inference;
  std::vector<std::vector<TokenId>> inputs;
  std::vector<const std::vector<TokenId>*> prompts;
  for (const Sample* member : members) {
    const auto ids = inputs_of(*member);
    inputs.emplace_back(ids.begin(), ids.end());
  }
  for (const auto& ids : inputs) prompts.push_back(&ids);
  const infer::PrefixTree tree =
      infer::build_prefix_tree(prompts, 0, share_prefix ? kMinSharedRun : kNeverShared);
  const Layout layout = lay_out(tree, members.size());

  std::vector<std::int64_t> ids, position, sample;
  for (const infer::TokenRun& run : tree.runs) {
    for (std::int64_t at = run.begin; at < run.end; ++at) {
      ids.push_back(inputs[run.prompt][at]);
      position.push_back(at);
      sample.push_back(numbers[run.prompt]);
    }
  }
  const auto tokens = static_cast<std::int64_t>(ids.size());

  std::vector<std::int64_t> row_of_target, targets;
  std::vector<std::size_t> target_member;
  for (std::size_t m = 0; m < members.size(); ++m) {
    const Sample& member = *members[m];
    const auto size = static_cast<std::int64_t>(member.ids.size());
    for (std::int64_t at = member.first_supervised; at < size; ++at) {
      std::int64_t run = layout.leaf[m];
      while (tree.runs[run].begin > at - 1) run = tree.runs[run].parent;
      row_of_target.push_back(layout.first_row[run] + at - 1 - tree.runs[run].begin);
      targets.push_back(member.ids[at]);
      target_member.push_back(m);
    }
  }
  std::vector<std::int64_t> out_rows = row_of_target;
  std::ranges::sort(out_rows);
  out_rows.erase(std::ranges::unique(out_rows).begin(), out_rows.end());
  std::vector<std::int64_t> target_row;
  for (const std::int64_t row : row_of_target) {
    target_row.push_back(std::ranges::lower_bound(out_rows, row) - out_rows.begin());
  }

  return {
      .ids = longs(ids, device),
      .position = longs(position, device),
      .row = at::arange(tokens, at::TensorOptions(c10::ScalarType::Long)).to(device),
      .sample = longs(sample, device),
      .out_rows = longs(out_rows, device),
      .target_row = longs(target_row, device),
      .targets = longs(targets, device),
      .target_member = std::move(target_member),
      .max_position = *std::ranges::max_element(position),
      .rows_repeat = out_rows.size() < targets.size(),
      .pattern = model::AttentionPattern(attention_levels(tree, layout), tokens, device, position)};
}

}  // namespace tradeoff::train
