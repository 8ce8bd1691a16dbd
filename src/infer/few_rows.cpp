#include "few_rows.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <bit>

#include "tradeoff/base/error.hpp"
#include "tradeoff/model/ops.hpp"

namespace tradeoff::infer {
namespace {

using model::KeyChains;

c10::Stream current_stream(c10::Device device) {
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device);
}

template <typename T>
void write(const at::Tensor& to, const std::vector<T>& values) {
  to.copy_(at::tensor(values, to.options().device(c10::kCPU)).view(to.sizes()));
}

}  // namespace

bool FewRows::takes(const model::Decoder& model) {
  return model::takes_chains(model.device(), model.config().head_dim);
}

std::int64_t FewRows::padded(std::int64_t rows) {
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(rows)));
}

FewRows::Size& FewRows::size_for(std::int64_t rows) {
  Size& size = sizes_[rows];
  if (size.growth.defined()) return size;
  const auto longs = at::TensorOptions(c10::ScalarType::Long).device(model_.device());
  const auto ints = longs.dtype(c10::ScalarType::Int);
  size.step.ids = at::zeros({rows}, longs);
  size.step.position = at::zeros({rows}, longs);
  size.step.kv_row = at::zeros({rows}, longs);
  size.step.chains = {at::zeros({rows, KeyChains::kLevels}, ints),
                      at::zeros({rows, KeyChains::kLevels}, ints),
                      at::zeros({rows, KeyChains::kLevels}, ints)};
  size.growth = at::zeros({rows}, longs);
  size.key_growth = at::zeros({rows}, ints);
  return size;
}

void FewRows::work(Size& size) {
  const at::Tensor hidden = model_.forward(size.step, *arena_);
  size.step.ids.copy_(model::argmax_rows(model_.logits(hidden)));
  size.step.position.add_(size.growth);
  size.step.kv_row.add_(size.growth);
  size.step.chains.count.select(1, 0).add_(size.key_growth);
}

void FewRows::start(std::span<const TextRow> rows, std::int64_t max_position,
                    std::int64_t spare_row, model::KvArena& arena) {
  const c10::InferenceMode inference;
  texts_ = rows.size();
  const auto count = static_cast<std::size_t>(padded(static_cast<std::int64_t>(texts_)));
  now_ = &size_for(static_cast<std::int64_t>(count));
  arena_ = &arena;
  steps_ = asked_ = 0;
  now_->step.max_position = max_position;
  // Rows without a text first, all of them: what a graph is recorded with.
  const auto spare = static_cast<std::int32_t>(spare_row);
  std::vector<std::int64_t> ids(count, 0), position(count, 0), kv_row(count, spare_row),
      growth(count, 0);
  std::vector<std::int32_t> key_growth(count, 0), begin(count * KeyChains::kLevels, 0),
      keys = begin, first = begin;
  for (std::size_t i = 0; i < count; ++i) {
    begin[i * KeyChains::kLevels] = spare;
    keys[i * KeyChains::kLevels] = 1;
  }
  const auto place = [&] {
    write(now_->step.ids, ids);
    write(now_->step.position, position);
    write(now_->step.kv_row, kv_row);
    write(now_->growth, growth);
    write(now_->key_growth, key_growth);
    write(now_->step.chains.begin, begin);
    write(now_->step.chains.count, keys);
    write(now_->step.chains.position, first);
  };
  // The tables of rotations may grow, which is a revision.
  for (std::int64_t layer = 0; layer < model_.config().num_hidden_layers; ++layer)
    model_.rotation(layer, max_position + 1);
  if (graphs_ && (!now_->graph.recorded() || now_->revision != model_.revision())) {
    place();
    now_->graph.record([this] { work(*now_); });
    now_->revision = model_.revision();
  }
  for (std::size_t i = 0; i < texts_; ++i) {
    const TextRow& row = rows[i];
    check(row.keys.size() <= KeyChains::kLevels, "a text with more stretches of keys than 8");
    ids[i] = row.id;
    position[i] = row.position;
    kv_row[i] = row.kv_row;
    growth[i] = key_growth[i] = 1;
    for (std::size_t level = 0; level < row.keys.size(); ++level) {
      const std::size_t at = i * KeyChains::kLevels + level;
      begin[at] = static_cast<std::int32_t>(row.keys[level].begin);
      keys[at] = static_cast<std::int32_t>(row.keys[level].count);
      first[at] = static_cast<std::int32_t>(row.keys[level].position);
    }
  }
  place();
  for (at::Tensor& tensor : arrived_) {
    if (!tensor.defined()) {
      tensor = at::empty({kMost}, at::TensorOptions(c10::ScalarType::Long).pinned_memory(true));
    }
  }
}

void FewRows::step() {
  const c10::InferenceMode inference;
  if (graphs_) {
    now_->graph.replay();
  } else {
    work(*now_);
  }
  const auto slot = static_cast<std::size_t>(steps_++ % 2);
  const at::Tensor& ids = now_->step.ids;
  arrived_[slot].narrow(0, 0, ids.size(0)).copy_(ids, /*non_blocking=*/true);
  events_[slot].record(current_stream(model_.device()));
}

std::vector<TokenId> FewRows::tokens() {
  check(asked_ < steps_, "tokens of a step that was not started");
  const auto slot = static_cast<std::size_t>(asked_++ % 2);
  events_[slot].synchronize();
  const auto* const ids = arrived_[slot].const_data_ptr<std::int64_t>();
  return {ids, ids + texts_};
}

}  // namespace tradeoff::infer
