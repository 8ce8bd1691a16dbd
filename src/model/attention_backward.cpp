#include <ATen/Context.h>
#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "attention_tiles.hpp"
#include "cpu/backward.hpp"
#include "product.hpp"
#include "threads.hpp"

namespace tradeoff::model {
namespace {

// Rows (queries x heads of a group) of one CPU task: what it holds of them fits the second-level
// cache at d = 64.
constexpr std::int64_t kGradTileRows = 512;

bool sees_all(const SpanLevel& level, std::int64_t queries) {
  std::int64_t seen = 0;
  for (const Span& span : level.spans) seen += span.q_count;
  return seen == queries;
}

AttentionGrads backward_cpu(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                            const AttentionPattern& pattern, const ScoreRule& rule) {
  const cpu::BackwardKernels& kernels = cpu::select_backward();
  const std::int64_t queries = q.size(0), heads = q.size(1), d = q.size(2), kv_heads = k.size(1);
  const auto floats = q.options().dtype(c10::ScalarType::Float);
  const bool all_at_once = sees_all(pattern.levels().front(), queries);
  AttentionGrads grads{all_at_once ? at::empty(q.sizes(), floats) : at::zeros(q.sizes(), floats),
                       at::zeros(k.sizes(), floats), at::zeros(v.sizes(), floats)};
  at::Tensor delta = at::empty({queries, heads}, floats);
  constexpr std::int64_t kRows = 64;
  for_each_task((queries + kRows - 1) / kRows, [&](std::int64_t task) {
    kernels.row_dots(storage_of(q.scalar_type()), dout.const_data_ptr(), out.const_data_ptr(),
                     task * kRows, std::min(queries, (task + 1) * kRows), heads, d,
                     delta.mutable_data_ptr<float>());
  });
  cpu::AttendGradArgs args;
  args.storage = storage_of(q.scalar_type());
  args.q = q.const_data_ptr();
  args.k = k.const_data_ptr();
  args.v = v.const_data_ptr();
  args.dout = dout.const_data_ptr();
  args.lse = lse.const_data_ptr<float>();
  args.delta = delta.const_data_ptr<float>();
  args.heads = heads;
  args.kv_heads = kv_heads;
  args.d = d;
  args.scale = static_cast<float>(rule.scale);
  args.cap = static_cast<float>(rule.cap);
  args.dq = grads.q.mutable_data_ptr<float>();
  args.add_dq = !all_at_once;
  float* const dk = grads.k.mutable_data_ptr<float>();
  float* const dv = grads.v.mutable_data_ptr<float>();

  // The spans of a level have no queries or keys in common, so its tasks (a tile and a head) write
  // apart, but for the keys of a span cut into tiles: all tiles after its first have dk and dv of
  // their own, which are added in order at the end.
  for (const SpanLevel& level : pattern.levels()) {
    const std::vector<cpu::AttendTile> tiles =
        attention_tiles(level, std::max<std::int64_t>(1, kGradTileRows / (heads / kv_heads)));
    std::vector<std::int64_t> own_row;  // of each tile; -1: grads.k and grads.v themselves
    std::int64_t own_rows = 0;
    for (std::size_t i = 0; i < tiles.size(); ++i) {
      const bool first = i == 0 || tiles[i].k_begin != tiles[i - 1].k_begin;
      own_row.push_back(first ? -1 : own_rows);
      if (!first) own_rows += tiles[i].k_count;
    }
    const at::Tensor own_k = at::zeros({own_rows, kv_heads, d}, floats), own_v = own_k.clone();
    const auto own = [&](const at::Tensor& of, std::size_t tile, std::int64_t head) {
      return of.mutable_data_ptr<float>() + (own_row[tile] * kv_heads + head) * d;
    };
    // The last tiles of a causal span have the most keys: the short ones fill the end.
    const std::int64_t count = static_cast<std::int64_t>(tiles.size()) * kv_heads;
    for_each_task(count, [&](std::int64_t forward) {
      const std::int64_t task = count - 1 - forward;
      const auto i = static_cast<std::size_t>(task / kv_heads);
      cpu::AttendTile tile = tiles[i];
      tile.kv_head = task % kv_heads;
      const std::int64_t shared = (tile.k_begin * kv_heads + tile.kv_head) * d;
      kernels.attend_grad(args, tile, own_row[i] < 0 ? dk + shared : own(own_k, i, tile.kv_head),
                          own_row[i] < 0 ? dv + shared : own(own_v, i, tile.kv_head), kv_heads * d);
    });
    for (std::size_t i = 0; i < tiles.size(); ++i) {
      if (own_row[i] < 0) continue;
      const std::int64_t begin = tiles[i].k_begin, keys = tiles[i].k_count;
      grads.k.narrow(0, begin, keys).add_(own_k.narrow(0, own_row[i], keys));
      grads.v.narrow(0, begin, keys).add_(own_v.narrow(0, own_row[i], keys));
    }
    args.add_dq = true;
  }
  return grads;
}

// Within its scope the flash kernels add up a query's gradient in a fixed order; by default they
// use atomics, and two runs differ.
class FixedOrder {
 public:
  FixedOrder() { at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false); }
  ~FixedOrder() { at::globalContext().setDeterministicAlgorithms(before_, warn_only_); }
  FixedOrder(const FixedOrder&) = delete;
  FixedOrder& operator=(const FixedOrder&) = delete;

 private:
  bool before_ = at::globalContext().deterministicAlgorithms();
  bool warn_only_ = at::globalContext().deterministicAlgorithmsWarnOnly();
};

// With the merged out and lse each level's flash gradients are exact shares of the whole (as in
// ring attention), in q's dtype: rows as in `rows`.
AttentionGrads flash_level(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                           const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                           const AttentionPattern::Rows& rows, bool causal, double scale) {
  const at::Tensor none = at::empty({0}, q.options());
  const auto of = [](const at::Tensor& x, const at::Tensor& at_rows) {
    return at_rows.defined() ? x.index_select(0, at_rows) : x;
  };
  const FixedOrder fixed;
  auto [dq, dk, dv] = at::_flash_attention_backward(
      of(dout.view(q.sizes()), rows.queries), of(q, rows.queries), of(k, rows.keys),
      of(v, rows.keys), of(out.view(q.sizes()), rows.queries),
      (rows.queries.defined() ? lse.index_select(1, rows.queries) : lse).contiguous(), rows.cu_q,
      rows.cu_k, rows.max_q, rows.max_k, /*dropout_p=*/0.0, causal, none, none, scale);
  return {dq, dk, dv};
}

// sum += share, whose rows all differ, so that the order does not matter.
void add_rows(const at::Tensor& sum, const at::Tensor& rows, const at::Tensor& share) {
  if (rows.defined()) {
    sum.index_add_(0, rows, share.to(c10::ScalarType::Float));
  } else {
    sum.add_(share);
  }
}

// Plain products, a span and a group of heads at a time, for what the flash kernels do not take.
void add_plain_level(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                     const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                     const SpanLevel& level, const ScoreRule& rule, AttentionGrads& grads) {
  const std::int64_t group = q.size(1) / k.size(1);
  const auto heads_first = [](const at::Tensor& x, std::int64_t begin, std::int64_t count) {
    return x.narrow(0, begin, count)
        .transpose(0, 1)
        .to(c10::ScalarType::Float);  // [heads, count, d]
  };
  for (const Span& s : level.spans) {
    const at::Tensor qs = heads_first(q, s.q_begin, s.q_count),
                     os = heads_first(out.view(q.sizes()), s.q_begin, s.q_count);
    const at::Tensor dos = heads_first(dout.view(q.sizes()), s.q_begin, s.q_count);
    const at::Tensor ks = heads_first(k, s.k_begin, s.k_count).repeat_interleave(group, 0);
    const at::Tensor vs = heads_first(v, s.k_begin, s.k_count).repeat_interleave(group, 0);
    at::Tensor scores = qs.bmm(ks.transpose(1, 2)).mul_(rule.scale), slope;
    if (rule.cap > 0) {
      scores.div_(rule.cap).tanh_();
      slope = scores.mul(scores).neg_().add_(1);
      scores.mul_(rule.cap);
    }
    const at::Tensor all =
        at::ones({s.q_count, s.k_count}, scores.options().dtype(c10::ScalarType::Bool));
    if (level.causal) scores.masked_fill_(all.triu(s.k_count - s.q_count + 1), -INFINITY);
    if (s.window_start > kNoWindow) scores.masked_fill_(all.tril(s.window_start - 1), -INFINITY);
    const at::Tensor p = scores.sub_(lse.narrow(1, s.q_begin, s.q_count).unsqueeze(2)).exp_();
    const at::Tensor ds =
        p.mul(dos.bmm(vs.transpose(1, 2)).sub_(dos.mul(os).sum(2, true))).mul_(rule.scale);
    if (slope.defined()) ds.mul_(slope);
    const auto fold = [&](const at::Tensor& x) {
      return x.view({k.size(1), group, s.k_count, -1}).sum(1).transpose(0, 1);
    };
    grads.q.narrow(0, s.q_begin, s.q_count).add_(ds.bmm(ks).transpose(0, 1));
    grads.k.narrow(0, s.k_begin, s.k_count).add_(fold(ds.transpose(1, 2).bmm(qs)));
    grads.v.narrow(0, s.k_begin, s.k_count).add_(fold(p.transpose(1, 2).bmm(dos)));
  }
}

}  // namespace

AttentionGrads attend_backward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                               const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                               const AttentionPattern& whole, const ScoreRule& rule) {
  const AttentionPattern& pattern = whole.within(rule.window);
  if (q.is_cpu()) return backward_cpu(dout, q, k, v, out, lse, pattern, rule);
  const std::vector<SpanLevel>& levels = pattern.levels();
  const bool flash = takes_flash(q, pattern, rule);
  const auto of_level = [&](std::size_t i) {
    return flash_level(dout, q, k, v, out, lse, pattern.rows(k.size(0))[i], levels[i].causal,
                       rule.scale);
  };
  if (flash && levels.size() == 1) {
    const AttentionPattern::Rows& rows = pattern.rows(k.size(0)).front();
    if (!rows.queries.defined() && !rows.keys.defined()) return of_level(0);
  }
  const auto floats = q.options().dtype(c10::ScalarType::Float);
  AttentionGrads grads{at::zeros(q.sizes(), floats), at::zeros(k.sizes(), floats),
                       at::zeros(v.sizes(), floats)};
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (!flash) {
      add_plain_level(dout, q, k, v, out, lse, levels[i], rule, grads);
      continue;
    }
    const AttentionGrads share = of_level(i);
    const AttentionPattern::Rows& rows = pattern.rows(k.size(0))[i];
    add_rows(grads.q, rows.queries, share.q);
    add_rows(grads.k, rows.keys, share.k);
    add_rows(grads.v, rows.keys, share.v);
  }
  return grads;
}

}  // namespace tradeoff::model
