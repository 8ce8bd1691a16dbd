#include "tradeoff/infer/prefix_tree.hpp"

#include <algorithm>

#include "tradeoff/base/error.hpp"

namespace tradeoff::infer {
namespace {

// Deeper sharing than this is folded into the leaves: each level is one more attention pass over
// its queries.
constexpr int kMaxDepth = 5;

class Builder {
 public:
  Builder(std::span<const std::vector<TokenId>* const> prompts, std::int64_t min_run,
          PrefixTree& tree)
      : prompts_(prompts), min_run_(min_run), tree_(tree) {
    for (std::size_t i = 0; i + 1 < prompts.size(); ++i) {
      shared_.push_back(std::min({common_prefix(*prompts[i], *prompts[i + 1]),
                                  static_cast<std::int64_t>(prompts[i]->size()) - 1,
                                  static_cast<std::int64_t>(prompts[i + 1]->size()) - 1}));
    }
  }

  // Prompts [first, last), whose tokens before `begin` are computed by `parent` and its ancestors.
  void build(std::int64_t first, std::int64_t last, std::int64_t begin, std::int64_t parent,
             int depth) {
    for (std::int64_t i = first; i < last;) {
      std::int64_t end = i + 1, shared = INT64_MAX;
      if (depth < kMaxDepth) {
        while (end < last && shared_[end - 1] >= begin + min_run_)
          shared = std::min(shared, shared_[end++ - 1]);
      }
      if (end == i + 1) {
        add({parent, i, begin, static_cast<std::int64_t>(prompts_[i]->size()), true});
      } else {
        const std::int64_t run = add({parent, i, begin, shared, false});
        build(i, end, shared, run, depth + 1);
      }
      i = end;
    }
  }

 private:
  std::int64_t add(const TokenRun& run) {
    tree_.tokens += run.tokens();
    tree_.runs.push_back(run);
    return static_cast<std::int64_t>(tree_.runs.size()) - 1;
  }

  std::span<const std::vector<TokenId>* const> prompts_;
  std::int64_t min_run_;
  PrefixTree& tree_;
  std::vector<std::int64_t> shared_;  // usable common prefix of prompts i and i + 1
};

}  // namespace

std::int64_t common_prefix(std::span<const TokenId> a, std::span<const TokenId> b) {
  const std::size_t n = std::min(a.size(), b.size());
  return std::mismatch(a.begin(), a.begin() + n, b.begin()).first - a.begin();
}

PrefixTree build_prefix_tree(std::span<const std::vector<TokenId>* const> prompts,
                             std::int64_t root_tokens, std::int64_t min_run) {
  PrefixTree tree;
  tree.root_tokens = root_tokens;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (static_cast<std::int64_t>(prompts[i]->size()) <= root_tokens)
      fail("prefix tree: a prompt ends inside the root prefix");
    if (i > 0 && *prompts[i] < *prompts[i - 1]) fail("prefix tree: the prompts are not sorted");
  }
  Builder(prompts, std::max<std::int64_t>(min_run, 1), tree)
      .build(0, static_cast<std::int64_t>(prompts.size()), root_tokens, -1, 0);
  return tree;
}

}  // namespace tradeoff::infer
