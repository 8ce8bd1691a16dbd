// Of three modules: one without a library of others, one with HDF5, one with LibTorch.
#include <cstdio>
#include <vector>

#include "tradeoff/infer/chunk_plan.hpp"
#include "tradeoff/stats/uncertainty.hpp"
#include "tradeoff/store/journal.hpp"

int main() {
  using namespace tradeoff;
  const std::vector<std::vector<infer::TokenId>> prompts = {{1, 2, 3}, {1, 2, 4}};
  const auto chunks = infer::plan_chunks(prompts, {.chunk_size = 1});
  const stats::Interval interval = stats::wilson(0.5, 100);
  std::printf("%zu chunks, %.3f to %.3f, %s\n", chunks.size(), interval.low, interval.high,
              store::journal_folder("answers.jsonl").c_str());
}
