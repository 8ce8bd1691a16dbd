#include "packed_batch.hpp"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>

namespace tradeoff::train {
namespace {

Sample sample(std::vector<TokenId> ids, std::int64_t first_supervised) {
  return {"s", std::move(ids), first_supervised};
}

std::vector<TokenId> run(TokenId from, int count) {
  std::vector<TokenId> ids(static_cast<std::size_t>(count));
  std::iota(ids.begin(), ids.end(), from);
  return ids;
}

std::vector<TokenId> joined(std::vector<TokenId> a, const std::vector<TokenId>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<std::int64_t> values(const at::Tensor& tensor) {
  const auto* const p = tensor.const_data_ptr<std::int64_t>();
  return {p, p + tensor.numel()};
}

// The rows that row `query` sees, by the pattern.
std::set<std::int64_t> seen_by(const PackedBatch& batch, std::int64_t query) {
  std::set<std::int64_t> seen;
  for (const model::SpanLevel& level : batch.pattern.levels()) {
    for (const model::Span& span : level.spans) {
      if (query < span.q_begin || query >= span.q_begin + span.q_count) continue;
      const std::int64_t visible =
          level.causal ? span.k_count - span.q_count + (query - span.q_begin) + 1 : span.k_count;
      for (std::int64_t k = 0; k < visible; ++k) {
        EXPECT_TRUE(seen.insert(span.k_begin + k).second) << "a key is seen twice";
      }
    }
  }
  return seen;
}

// Follows each member through the pattern: its rows hold its ids at positions 0, 1, ..., and each
// target is predicted from the row that saw exactly the ids before it.
void expect_faithful(const PackedBatch& batch, const std::vector<Sample>& members) {
  const auto ids = values(batch.ids), position = values(batch.position);
  const auto out_rows = values(batch.out_rows), target_row = values(batch.target_row);
  const auto targets = values(batch.targets);
  std::map<std::size_t, std::vector<std::int64_t>> told;
  for (std::size_t e = 0; e < targets.size(); ++e) {
    const Sample& member = members[batch.target_member[e]];
    const std::int64_t row = out_rows[static_cast<std::size_t>(target_row[e])];
    std::vector<TokenId> context(seen_by(batch, row).size(), -1);
    for (const std::int64_t seen : seen_by(batch, row)) {
      context.at(static_cast<std::size_t>(position[seen])) = static_cast<TokenId>(ids[seen]);
    }
    EXPECT_EQ(context,
              std::vector<TokenId>(member.ids.begin(), member.ids.begin() + position[row] + 1));
    EXPECT_EQ(targets[e], member.ids[static_cast<std::size_t>(position[row]) + 1]);
    told[batch.target_member[e]].push_back(position[row] + 1);
  }
  for (std::size_t m = 0; m < members.size(); ++m) {
    std::vector<std::int64_t> expected(static_cast<std::size_t>(members[m].supervised()));
    std::iota(expected.begin(), expected.end(), members[m].first_supervised);
    EXPECT_EQ(told[m], expected);
  }
}

PackedBatch pack_all(const std::vector<Sample>& members, bool share) {
  std::vector<const Sample*> pointers;
  std::vector<std::int64_t> numbers;
  for (const Sample& member : members) {
    pointers.push_back(&member);
    numbers.push_back(100 + static_cast<std::int64_t>(numbers.size()));
  }
  return pack(pointers, numbers, share, c10::Device(c10::kCPU));
}

TEST(PackedBatchTest, one_sample_of_two_tokens) {
  const std::vector<Sample> members = {sample({5, 6}, 1)};
  const PackedBatch batch = pack_all(members, true);
  EXPECT_EQ(values(batch.ids), (std::vector<std::int64_t>{5}));
  EXPECT_EQ(values(batch.targets), (std::vector<std::int64_t>{6}));
  expect_faithful(batch, members);
}

TEST(PackedBatchTest, shared_beginnings_stand_once_and_every_target_sees_its_own_sample) {
  const auto root = run(100, 50), middle = joined(root, run(200, 40));
  // Two equal samples, one that ends inside another, one without a common beginning, and a
  // supervised part that is shared itself.
  const std::vector<Sample> members = {
      sample(joined(root, {7, 8, 9}), 51), sample(joined(middle, {4}), 90),
      sample(joined(middle, {1, 2, 3}), 60), sample(joined(middle, {1, 2, 3}), 60),
      sample(run(900, 30), 10)};
  const PackedBatch batch = pack_all(members, true);
  expect_faithful(batch, members);
  EXPECT_TRUE(batch.rows_repeat);
  EXPECT_LT(batch.tokens(), 50 + 40 + 3 * 41 + 30);
  const PackedBatch apart = pack_all(members, false);
  expect_faithful(apart, members);
  EXPECT_FALSE(apart.rows_repeat);
  EXPECT_EQ(apart.pattern.levels().size(), 1U);
}

TEST(PackedBatchTest, short_common_beginnings_are_not_split_off) {
  const std::vector<Sample> members = {sample(joined(run(100, 20), {1, 2}), 20),
                                       sample(joined(run(100, 20), {3, 4}), 20)};
  EXPECT_EQ(pack_all(members, true).tokens(), 42);
}

}  // namespace
}  // namespace tradeoff::train
