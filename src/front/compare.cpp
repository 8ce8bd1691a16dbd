#include <fmt/format.h>

#include <memory>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/json_file.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/config/bind_report.hpp"
#include "tradeoff/front/commands.hpp"
#include "tradeoff/front/exit_codes.hpp"
#include "tradeoff/report/files/result_file.hpp"

namespace tradeoff::front {
namespace {

void print_comparisons(const report::CompareOptions& options) {
  const auto comparisons = report::compare_files(options);
  Json json = Json::array();
  for (const stats::Comparison& one : comparisons) {
    if (&one != &comparisons.front()) fmt::print("\n");
    fmt::print("{}", stats::to_text(one));
    if (comparisons.size() > 1 && one.pair.holm_p) {
      fmt::print("  {:<34} p {:.4g}\n", fmt::format("Holm over {} comparisons", comparisons.size()),
                 *one.pair.holm_p);
    }
    json.push_back(stats::to_json(one));
  }
  if (!options.out.empty()) {
    write_atomically(options.out, to_lines({{"comparisons", json}}));
  }
}

}  // namespace

std::function<int()> compare_of(std::span<const std::string> words) {
  auto options = std::make_shared<report::CompareOptions>();
  config::OptionTable table;
  bind(table, *options);
  if (!config::parse_command_line(
          {"compare",
           "Paired differences: the arms of one predictions.h5, or two result files, by item.",
           "tradeoff compare results/demo --a base --b qlora-200"},
          table, words))
    return {};
  return [options] {
    print_comparisons(*options);
    return kComplete;
  };
}

}  // namespace tradeoff::front
