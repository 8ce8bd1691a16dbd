#include "tradeoff/results/prompt_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/utf8.hpp"

namespace tradeoff::results {

store::Table prompt_table(std::span<const std::string> prompts) {
  store::Ints shared;
  store::Strings rest;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const std::string& now = prompts[i];
    std::size_t same = 0;
    if (i > 0) {
      const auto [a, b] = std::ranges::mismatch(prompts[i - 1], now);
      same = static_cast<std::size_t>(b - now.begin());
      while (!between_characters(now, same) || !between_characters(prompts[i - 1], same)) --same;
    }
    shared.push_back(static_cast<std::int64_t>(same));
    rest.push_back(now.substr(same));
  }
  store::Table table;
  table.add("shared", std::move(shared));
  table.add("rest", std::move(rest));
  return table;
}

std::vector<std::string> prompts_of(const store::Table& table) {
  const auto& shared = table.at<store::Ints>("shared");
  const auto& rest = table.at<store::Strings>("rest");
  std::vector<std::string> prompts;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const std::string before = i > 0 ? prompts.back() : "";
    if (shared[i] < 0 || static_cast<std::size_t>(shared[i]) > before.size()) {
      fail(fmt::format("prompts, row {}: shares {} bytes of a prompt of {}", i, shared[i],
                       before.size()));
    }
    prompts.push_back(before.substr(0, static_cast<std::size_t>(shared[i])) + rest[i]);
  }
  return prompts;
}

std::string prompt_table_name(const std::string& prompts_sha256) {
  return "prompts-" + prompts_sha256.substr(0, 16);
}

}  // namespace tradeoff::results
