#include "tradeoff/train/batch_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "packed_batch.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/seed.hpp"
#include "tradeoff/infer/prefix_tree.hpp"

namespace tradeoff::train {

std::int64_t steps_per_epoch(std::int64_t samples, std::int64_t batch_size) {
  return (samples + batch_size - 1) / batch_size;
}

std::int64_t total_steps(const TrainOptions& options, std::int64_t samples,
                         std::int64_t batch_size) {
  if (options.max_steps > 0) return options.max_steps;
  const auto per_epoch = static_cast<double>(steps_per_epoch(samples, batch_size));
  return static_cast<std::int64_t>(std::ceil(options.num_train_epochs * per_epoch));
}

BatchPlan::BatchPlan(std::int64_t samples, std::int64_t batch_size, std::uint64_t seed,
                     bool shuffled)
    : samples_(samples),
      batch_size_(batch_size),
      per_epoch_(steps_per_epoch(samples, batch_size)),
      seed_(seed),
      shuffled_(shuffled) {
  check(samples > 0 && batch_size > 0, "batch plan: no samples, or an empty batch");
}

std::vector<Draw> BatchPlan::step(std::int64_t index) {
  const std::int64_t epoch = epoch_of(index);
  if (epoch != epoch_) {
    order_.resize(static_cast<std::size_t>(samples_));
    std::iota(order_.begin(), order_.end(), 0);
    if (shuffled_) {
      SeedStream stream(seed_, fmt::format("data_order/{}", epoch));
      shuffle(std::span(order_), stream);
    }
    epoch_ = epoch;
  }
  const std::int64_t begin = (index - epoch * per_epoch_) * batch_size_;
  const std::int64_t end = std::min(samples_, begin + batch_size_);
  std::vector<Draw> draws;
  for (std::int64_t i = begin; i < end; ++i) {
    draws.push_back({order_[static_cast<std::size_t>(i)], epoch * samples_ + i});
  }
  return draws;
}

namespace {

// Samples in lexicographic order of their inputs and the tokens that each adds to a pass that holds
// the one before.
struct Sorted {
  std::vector<std::size_t> order;
  std::vector<std::int64_t> length, added;
};

Sorted sort_samples(std::span<const Sample* const> batch, bool share_prefix) {
  Sorted sorted;
  sorted.order.resize(batch.size());
  std::iota(sorted.order.begin(), sorted.order.end(), std::size_t{0});
  std::ranges::stable_sort(sorted.order, [&](std::size_t a, std::size_t b) {
    return std::ranges::lexicographical_compare(inputs_of(*batch[a]), inputs_of(*batch[b]));
  });
  for (std::size_t i = 0; i < sorted.order.size(); ++i) {
    const auto inputs = inputs_of(*batch[sorted.order[i]]);
    const auto size = static_cast<std::int64_t>(inputs.size());
    std::int64_t shared = 0;
    if (share_prefix && i > 0) {
      const auto before = inputs_of(*batch[sorted.order[i - 1]]);
      shared = std::min({infer::common_prefix(before, inputs), size - 1,
                         static_cast<std::int64_t>(before.size()) - 1});
      if (shared < kMinSharedRun) shared = 0;
    }
    sorted.length.push_back(size);
    sorted.added.push_back(size - shared);
  }
  return sorted;
}

// Cuts the sorted samples into `count` consecutive groups whose longest is as short as possible.
std::vector<std::size_t> best_cuts(const Sorted& sorted, std::size_t count, std::int64_t& longest) {
  const std::size_t n = sorted.order.size();
  std::vector<std::int64_t> sum(n + 1, 0);
  for (std::size_t i = 0; i < n; ++i) sum[i + 1] = sum[i] + sorted.added[i];
  const auto tokens = [&](std::size_t begin, std::size_t end) {
    return sorted.length[begin] + sum[end] - sum[begin + 1];
  };
  constexpr std::int64_t kNever = INT64_MAX;
  std::vector<std::vector<std::int64_t>> best(count + 1, std::vector<std::int64_t>(n + 1, kNever));
  std::vector<std::vector<std::size_t>> cut(count + 1, std::vector<std::size_t>(n + 1, 0));
  best[0][0] = 0;
  for (std::size_t groups = 1; groups <= count; ++groups) {
    for (std::size_t end = groups; end <= n; ++end) {
      for (std::size_t begin = groups - 1; begin < end; ++begin) {
        if (best[groups - 1][begin] == kNever) continue;
        const std::int64_t worst = std::max(best[groups - 1][begin], tokens(begin, end));
        if (worst < best[groups][end]) {
          best[groups][end] = worst;
          cut[groups][end] = begin;
        }
      }
    }
  }
  longest = best[count][n];
  std::vector<std::size_t> cuts = {n};
  for (std::size_t groups = count; groups > 0; --groups) cuts.push_back(cut[groups][cuts.back()]);
  std::ranges::reverse(cuts);
  return cuts;
}

}  // namespace

std::vector<MicroBatch> plan_micro_batches(std::span<const Sample* const> batch,
                                           const TrainOptions& options) {
  const Sorted sorted = sort_samples(batch, options.share_prefix && options.packing);
  const std::size_t n = sorted.order.size();
  const std::int64_t longest_sample = *std::ranges::max_element(sorted.length);
  const std::int64_t limit = std::max(options.micro_batch_tokens, longest_sample);
  const std::int64_t all =
      sorted.length.front() +
      std::accumulate(sorted.added.begin() + 1, sorted.added.end(), std::int64_t{0});
  std::size_t count = options.packing ? static_cast<std::size_t>((all + limit - 1) / limit) : n;
  count = std::max(count, std::min(n, static_cast<std::size_t>(options.min_passes)));
  std::int64_t longest = 0;
  std::vector<std::size_t> cuts = best_cuts(sorted, count, longest);
  while (longest > limit && count < n) cuts = best_cuts(sorted, ++count, longest);
  std::vector<MicroBatch> micro_batches;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    MicroBatch micro;
    for (std::size_t at = cuts[i]; at < cuts[i + 1]; ++at) {
      micro.members.push_back(sorted.order[at]);
      micro.tokens += at == cuts[i] ? sorted.length[at] : sorted.added[at];
    }
    micro_batches.push_back(std::move(micro));
  }
  return micro_batches;
}

std::vector<int> assign_ranks(std::span<const MicroBatch> micro_batches, int ranks) {
  std::vector<std::size_t> order(micro_batches.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return micro_batches[a].tokens > micro_batches[b].tokens;
  });
  std::vector<std::int64_t> load(static_cast<std::size_t>(ranks), 0);
  std::vector<int> owner(micro_batches.size(), 0);
  for (const std::size_t i : order) {
    const auto least = std::ranges::min_element(load) - load.begin();
    owner[i] = static_cast<int>(least);
    load[static_cast<std::size_t>(least)] += micro_batches[i].tokens;
  }
  return owner;
}

}  // namespace tradeoff::train
