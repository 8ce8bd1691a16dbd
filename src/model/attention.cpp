#include "tradeoff/model/attention.hpp"

#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isinf.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "attention_tiles.hpp"
#include "ops_cuda.hpp"
#include "threads.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/quant/capability.hpp"

namespace tradeoff::model {
namespace {

// Rows (queries × heads of a group) of one CPU task: enough to pay for packing a block of keys.
constexpr std::int64_t kTileRows = 192;

void check_level(const SpanLevel& level, std::int64_t queries) {
  std::int64_t next = 0;
  for (const Span& span : level.spans) {
    const bool ok = span.q_begin >= next && span.q_count > 0 &&
                    span.q_begin + span.q_count <= queries && span.k_begin >= 0 &&
                    span.k_count > 0 && (!level.causal || span.k_count >= span.q_count);
    if (!ok) {
      fail(fmt::format("attention span: queries [{}, +{}) of {} after {}, keys [{}, +{})",
                       span.q_begin, span.q_count, queries, next, span.k_begin, span.k_count));
    }
    next = span.q_begin + span.q_count;
  }
}

// Spans without keys fill the gaps, so that the sequences cover all queries in order.
AttentionPattern::Offsets make_offsets(const SpanLevel& level, std::int64_t queries,
                                       c10::Device device) {
  std::vector<std::int32_t> cu_q = {0}, k_begin, k_count, window_start;
  AttentionPattern::Offsets offsets;
  const auto add = [&](std::int64_t q_end, std::int64_t begin, std::int64_t count,
                       std::int64_t start) {
    offsets.max_q = std::max(offsets.max_q, q_end - cu_q.back());
    offsets.max_k = std::max(offsets.max_k, count);
    cu_q.push_back(static_cast<std::int32_t>(q_end));
    k_begin.push_back(static_cast<std::int32_t>(begin));
    k_count.push_back(static_cast<std::int32_t>(count));
    window_start.push_back(
        static_cast<std::int32_t>(std::max<std::int64_t>(start, std::int64_t{-1} << 30)));
  };
  for (const Span& span : level.spans) {
    if (span.q_begin > cu_q.back()) add(span.q_begin, 0, 0, kNoWindow);
    add(span.q_begin + span.q_count, span.k_begin, span.k_count, span.window_start);
  }
  if (queries > cu_q.back()) add(queries, 0, 0, kNoWindow);
  k_begin.push_back(0);
  const auto to_device = [&](const std::vector<std::int32_t>& values) {
    return at::tensor(values, at::TensorOptions(c10::ScalarType::Int))
        .to(device, /*non_blocking=*/true);
  };
  offsets.cu_q = to_device(cu_q);
  offsets.k_begin = to_device(k_begin);
  offsets.k_count = to_device(k_count);
  offsets.window_start = to_device(window_start);
  return offsets;
}

// The rows of the spans one after the other, as in AttentionPattern::Rows.
struct RowList {
  at::Tensor rows, offsets;
  std::int64_t most = 0;
};
RowList list_rows(const SpanLevel& level, bool queries, std::int64_t total, c10::Device device) {
  std::vector<std::int64_t> rows;
  std::vector<std::int32_t> offsets = {0};
  RowList list;
  for (const Span& span : level.spans) {
    const std::int64_t begin = queries ? span.q_begin : span.k_begin,
                       count = queries ? span.q_count : span.k_count;
    for (std::int64_t i = 0; i < count; ++i) rows.push_back(begin + i);
    offsets.push_back(static_cast<std::int32_t>(rows.size()));
    list.most = std::max(list.most, count);
  }
  bool all = static_cast<std::int64_t>(rows.size()) == total;
  for (std::size_t i = 0; i < rows.size() && all; ++i)
    all = rows[i] == static_cast<std::int64_t>(i);
  if (!all) list.rows = at::tensor(rows, at::TensorOptions(c10::ScalarType::Long)).to(device);
  list.offsets = at::tensor(offsets, at::TensorOptions(c10::ScalarType::Int)).to(device);
  return list;
}

at::Tensor attend_cuda(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                       const AttentionPattern& pattern, const ScoreRule& rule,
                       at::Tensor* merged_lse) {
  std::vector<at::Tensor> outs, lses;
  const bool flash = takes_flash(q, pattern, rule);
  const double scale = rule.scale;
  for (std::size_t i = 0; i < pattern.levels().size(); ++i) {
    const AttentionPattern::Offsets& o = pattern.offsets()[i];
    if (!flash) {
      const auto [out, lse] = cuda::attend_level(q, k, v, o, pattern.levels()[i].causal, rule);
      outs.push_back(out);
      lses.push_back(lse);
      continue;
    }
    auto [out, lse, rng, unused, debug] = at::_flash_attention_forward(
        q, k, v, o.cu_q, o.k_begin, o.max_q, o.max_k, /*dropout_p=*/0.0, pattern.levels()[i].causal,
        /*return_debug_mask=*/false, scale, std::nullopt, std::nullopt, /*seqused_k=*/o.k_count);
    outs.push_back(out);
    lses.push_back(lse);
  }
  if (merged_lse) {
    // A level in which a query sees nothing gives an infinite value of either sign.
    std::vector<at::Tensor> finite;
    for (const at::Tensor& lse : lses) {
      finite.push_back(
          at::where(at::isinf(lse),
                    at::full({}, -std::numeric_limits<float>::infinity(), lse.options()), lse));
    }
    *merged_lse = at::logsumexp(at::stack(finite), 0);
  }
  return cuda::merge_attention(outs, lses);
}

at::Tensor attend_cpu(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                      const AttentionPattern& pattern, const ScoreRule& rule, at::Tensor* lse) {
  const std::int64_t queries = q.size(0), heads = q.size(1), d = q.size(2), kv_heads = k.size(1);
  const auto floats = q.options().dtype(c10::ScalarType::Float);
  at::Tensor row_max = at::full({queries, heads}, -std::numeric_limits<float>::infinity(), floats);
  at::Tensor row_sum = at::zeros({queries, heads}, floats);
  at::Tensor acc = at::empty({queries, heads, d}, floats);
  cpu::AttendArgs args;
  args.storage = q.scalar_type() == c10::ScalarType::Float ? cpu::Storage::f32 : cpu::Storage::bf16;
  args.q = q.const_data_ptr();
  args.k = k.const_data_ptr();
  args.v = v.const_data_ptr();
  args.heads = heads;
  args.kv_heads = kv_heads;
  args.d = d;
  args.scale = static_cast<float>(rule.scale);
  args.cap = static_cast<float>(rule.cap);
  args.row_max = row_max.mutable_data_ptr<float>();
  args.row_sum = row_sum.mutable_data_ptr<float>();
  args.acc = acc.mutable_data_ptr<float>();
  const cpu::Kernels& kernels = cpu::select_kernels();
  for (const SpanLevel& level : pattern.levels()) {
    const std::vector<cpu::AttendTile> tiles =
        attention_tiles(level, std::max<std::int64_t>(1, kTileRows / (heads / kv_heads)));
    const auto count = static_cast<std::int64_t>(tiles.size());
    for_each_task(count * kv_heads, [&](std::int64_t task) {
      cpu::AttendTile tile = tiles[task / kv_heads];
      tile.kv_head = task % kv_heads;
      kernels.attend(args, tile);
    });
  }
  if (lse) *lse = row_max.add(row_sum.log());
  at::Tensor out = at::empty({queries, heads * d}, q.options());
  constexpr std::int64_t kRows = 64;
  for_each_task((queries + kRows - 1) / kRows, [&](std::int64_t task) {
    kernels.attend_finish(args, task * kRows, std::min(queries, (task + 1) * kRows),
                          out.mutable_data_ptr());
  });
  return out;
}

}  // namespace

std::vector<cpu::AttendTile> attention_tiles(const SpanLevel& level, std::int64_t queries) {
  std::vector<cpu::AttendTile> tiles;
  for (const Span& span : level.spans) {
    for (std::int64_t first = 0; first < span.q_count; first += queries) {
      cpu::AttendTile tile;
      tile.q_begin = span.q_begin + first;
      tile.q_end = span.q_begin + std::min(span.q_count, first + queries);
      tile.k_begin = span.k_begin;
      tile.k_count = span.k_count;
      tile.causal = level.causal;
      tile.visible = level.causal ? span.k_count - span.q_count + first + 1 : span.k_count;
      tile.window_start = span.window_start + first;
      tiles.push_back(tile);
    }
  }
  return tiles;
}

AttentionPattern::AttentionPattern(std::vector<SpanLevel> levels, std::int64_t queries,
                                   c10::Device device, std::vector<std::int64_t> positions)
    : levels_(std::move(levels)),
      queries_(queries),
      device_(device),
      positions_(std::move(positions)) {
  check(positions_.empty() || static_cast<std::int64_t>(positions_.size()) == queries,
        "attention pattern: one position a query is expected");
  for (const SpanLevel& level : levels_) {
    check_level(level, queries);
    for (const Span& span : level.spans) windowed_ = windowed_ || span.window_start > kNoWindow;
    if (device.is_cuda()) offsets_.push_back(make_offsets(level, queries, device));
  }
}

const std::vector<AttentionPattern::Rows>& AttentionPattern::rows(std::int64_t keys) const {
  if (!rows_.empty()) return rows_;
  for (const SpanLevel& level : levels_) {
    const RowList q = list_rows(level, true, queries_, device_),
                  k = list_rows(level, false, keys, device_);
    rows_.push_back({q.rows, k.rows, q.offsets, k.offsets, q.most, k.most});
  }
  return rows_;
}

const AttentionPattern& AttentionPattern::within(std::int64_t window) const {
  if (window <= 0 || queries_ == 0) return *this;
  check(!positions_.empty(), "attention pattern: a window needs the queries' positions");
  if (*std::ranges::max_element(positions_) < window) return *this;
  std::shared_ptr<const AttentionPattern>& made = within_[window];
  if (made) return *made;
  std::vector<SpanLevel> levels;
  for (const SpanLevel& level : levels_) {
    levels.push_back({{}, level.causal});
    for (const Span& span : level.spans) cut(span, level.causal, window, levels.back().spans);
    if (levels.back().spans.empty()) levels.pop_back();
  }
  made = std::make_shared<const AttentionPattern>(std::move(levels), queries_, device_, positions_);
  return *made;
}

// The stretches of a span whose queries are neighbours in their text, without those that see none
// of its keys any more. The keys keep their place: the backward pass tells a span by them.
void AttentionPattern::cut(const Span& span, bool causal, std::int64_t window,
                           std::vector<Span>& to) const {
  for (std::int64_t first = 0; first < span.q_count;) {
    const std::int64_t position = positions_[static_cast<std::size_t>(span.q_begin + first)];
    std::int64_t count = 1;
    while (first + count < span.q_count &&
           positions_[static_cast<std::size_t>(span.q_begin + first + count)] == position + count)
      ++count;
    Span part = span;
    part.q_begin = span.q_begin + first;
    // Of a causal span, the keys that the last of these queries sees.
    part.k_count = causal ? span.k_count - span.q_count + first + count : span.k_count;
    const std::int64_t start = position - window + 1 - span.k_position;
    part.q_count = causal ? count : std::min(count, part.k_count - start);
    if (start + part.q_count > 1) part.window_start = start;
    if (part.q_count > 0) to.push_back(part);
    first += count;
  }
}

bool takes_flash(const at::Tensor& q, const AttentionPattern& pattern, const ScoreRule& rule) {
  return q.scalar_type() != c10::ScalarType::Float && q.size(2) % 8 == 0 && q.size(2) <= 256 &&
         rule.cap == 0 && !pattern.windowed() && quant::compute_capability(q.device()) >= 80;
}

at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const AttentionPattern& pattern, const ScoreRule& rule, at::Tensor* lse) {
  const AttentionPattern& within = pattern.within(rule.window);
  return q.is_cuda() ? attend_cuda(q, k, v, within, rule, lse)
                     : attend_cpu(q, k, v, within, rule, lse);
}

}  // namespace tradeoff::model
