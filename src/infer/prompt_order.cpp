#include "prompt_order.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace tradeoff::infer {
namespace {

using Prompts = std::span<const std::vector<TokenId>>;
constexpr std::ptrdiff_t kFew = 16;
constexpr std::int64_t kEnded = INT64_MIN;  // before every token

// Prompts order[first, last), equal in their tokens before `depth`.
struct Group {
  std::ptrdiff_t first = 0, last = 0;
  std::size_t depth = 0;
};

class Sorter {
 public:
  explicit Sorter(Prompts prompts) : prompts_(prompts), order_(prompts.size()) {
    std::iota(order_.begin(), order_.end(), 0);
  }

  // Group by group from the first tokens on; what a group has in common is passed over at once.
  std::vector<std::int64_t> sort() {
    groups_ = {{0, std::ssize(order_), 0}};
    while (!groups_.empty()) {
      Group group = groups_.back();
      groups_.pop_back();
      if (group.last - group.first <= kFew) {
        sort_few(group);
      } else {
        group.depth += common_tokens(group);
        split(group);
      }
    }
    return std::move(order_);
  }

 private:
  std::int64_t token(std::int64_t prompt, std::size_t depth) const {
    return depth < prompts_[prompt].size() ? prompts_[prompt][depth] : kEnded;
  }

  std::span<const TokenId> rest(std::int64_t prompt, std::size_t depth) const {
    return std::span(prompts_[prompt]).subspan(depth);
  }

  void sort_few(const Group& group) {
    std::sort(
        order_.begin() + group.first, order_.begin() + group.last,
        [&](std::int64_t a, std::int64_t b) {
          const auto way = std::lexicographical_compare_three_way(
              prompts_[a].begin() + static_cast<std::ptrdiff_t>(group.depth), prompts_[a].end(),
              prompts_[b].begin() + static_cast<std::ptrdiff_t>(group.depth), prompts_[b].end());
          return way != 0 ? way < 0 : a < b;
        });
  }

  std::size_t common_tokens(const Group& group) const {
    const std::int64_t pattern = order_[group.first];
    std::span<const TokenId> common = rest(pattern, group.depth);
    for (std::ptrdiff_t i = group.first + 1; i < group.last && !common.empty(); ++i)
      common = common.first(
          static_cast<std::size_t>(common_prefix(common, rest(order_[i], group.depth))));
    return common.size();
  }

  // By the token at the group's depth; those that end there are equal, and stand by index.
  void split(const Group& group) {
    keys_.clear();
    for (std::ptrdiff_t i = group.first; i < group.last; ++i)
      keys_.emplace_back(token(order_[i], group.depth), order_[i]);
    std::ranges::sort(keys_);
    for (std::ptrdiff_t i = group.first, next; i < group.last; i = next) {
      const std::int64_t own = keys_[i - group.first].first;
      for (next = i; next < group.last && keys_[next - group.first].first == own; ++next)
        order_[next] = keys_[next - group.first].second;
      if (own != kEnded && next - i > 1) groups_.push_back({i, next, group.depth + 1});
    }
  }

  Prompts prompts_;
  std::vector<std::int64_t> order_;
  std::vector<Group> groups_;
  std::vector<std::pair<std::int64_t, std::int64_t>> keys_;  // token, prompt
};

}  // namespace

std::vector<std::int64_t> lexicographic_order(Prompts prompts) {
  return Sorter(prompts).sort();
}

}  // namespace tradeoff::infer
