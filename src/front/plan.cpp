#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json_file.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/config/bind_report.hpp"
#include "tradeoff/front/commands.hpp"
#include "tradeoff/front/exit_codes.hpp"
#include "tradeoff/report/analysis/pilot.hpp"
#include "tradeoff/stats/sequence.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::front {
namespace {

namespace fs = std::filesystem;

// What the user stated; with nothing stated the design of the study that is repeated here is told.
std::vector<std::string> stated_names(const config::OptionTable& table) {
  std::vector<std::string> names;
  for (const config::Option* option : table.options()) {
    if (option->name() != "out" && table.given(option->name())) names.push_back(option->name());
  }
  return names;
}

// The pilot's tables that are asked about, two by two.
struct Pilot {
  report::Study study;
  report::Analysis analysis;
  std::vector<std::pair<const stats::ScoreTable*, const stats::ScoreTable*>> pairs;
};

Pilot read_pilot(const report::PlanCommandOptions& options,
                 const std::vector<std::string>& stated) {
  const fs::path files[] = {fs::is_directory(options.pilot) ? options.pilot / "predictions.h5"
                                                            : options.pilot};
  Pilot pilot{report::read_study(files), {}, {}};
  pilot.analysis = report::analyse(pilot.study);
  const report::Analysis& analysis = pilot.analysis;
  const auto arms = fmt::format("{}", fmt::join(analysis.arms, ", "));
  for (const std::string& arm : {options.a, options.b}) {
    check(arm.empty() || std::ranges::find(analysis.arms, arm) != analysis.arms.end(),
          fmt::format("{}: no arm \"{}\"; it has {}", files[0].string(), arm, arms));
  }
  const bool one_task = std::ranges::find(stated, "task") != stated.end();
  check(!one_task || std::ranges::find(analysis.tasks, options.plan.task) != analysis.tasks.end(),
        fmt::format("{}: no task \"{}\"; it has {}", files[0].string(), options.plan.task,
                    fmt::join(analysis.tasks, ", ")));
  const std::string a = options.a.empty() ? analysis.reference : options.a;
  for (const std::string& task : analysis.tasks) {
    if (one_task && task != options.plan.task) continue;
    for (const std::string& b : analysis.arms) {
      if (b == a || (!options.b.empty() && b != options.b)) continue;
      const stats::ScoreTable* from = analysis.table_of(a, task);
      const stats::ScoreTable* to = analysis.table_of(b, task);
      if (from && to) pilot.pairs.emplace_back(from, to);
    }
  }
  check(!pilot.pairs.empty(),
        fmt::format("{}: no two arms to plan from; it has {}", files[0].string(), arms));
  return pilot;
}

std::vector<stats::PlanOptions> from_pilot(const report::PlanCommandOptions& options,
                                           const std::vector<std::string>& stated) {
  const Pilot pilot = read_pilot(options, stated);
  std::vector<stats::PlanOptions> plans;
  for (const auto& [a, b] : pilot.pairs)
    plans.push_back(report::plan_of_pilot(options.plan, stated, pilot.study, *a, *b));
  return plans;
}

void print_next(const report::PlanCommandOptions& options, const std::vector<std::string>& stated) {
  check(!options.pilot.empty(),
        "--next needs --pilot: only seeds that were run tell how much runs differ");
  const Pilot pilot = read_pilot(options, stated);
  std::vector<stats::NextCells> cells;
  Json json = Json::array();
  for (const auto& [a, b] : pilot.pairs) {
    cells.push_back(stats::next_cells(*a, *b, options.next->fraction));
    json.push_back(stats::to_json(cells.back()));
  }
  fmt::print("{}", stats::to_text(cells));
  if (!options.out.empty()) write_atomically(options.out, to_lines({{"next", json}}));
}

void print_plans(const report::PlanCommandOptions& options,
                 const std::vector<std::string>& stated) {
  if (options.next) return print_next(options, stated);
  std::vector<stats::PlanOptions> asked;
  if (!options.pilot.empty()) {
    asked = from_pilot(options, stated);
  } else if (stated.empty()) {
    fmt::print("The draws of the study repeated here, and the two full sets:\n\n");
    asked = report::default_plans();
  } else {
    asked = {options.plan};
    const bool is_stated = std::ranges::find(stated, "discordance") != stated.end();
    const task::Task* known = task::find_task(options.plan.task);
    if (known && !is_stated) asked[0].discordance = known->plan.discordance;
  }
  std::vector<stats::PlanResult> plans;
  Json json = Json::array();
  for (const stats::PlanOptions& one : asked) {
    plans.push_back(stats::plan(one));
    json.push_back(stats::to_json(plans.back()));
  }
  fmt::print("{}", stats::to_text(plans));
  if (!options.out.empty()) write_atomically(options.out, to_lines({{"plans", json}}));
}

}  // namespace

std::function<int()> plan_of(std::span<const std::string> words) {
  auto options = std::make_shared<report::PlanCommandOptions>();
  config::OptionTable table;
  bind(table, *options);
  if (!config::parse_command_line(
          {"plan",
           "The difference that a design can see, or what a wanted difference needs; without "
           "options, the design of the study that is repeated here.",
           "tradeoff plan --questions 1034 --seeds 3 --difference \"3 points\""},
          table, words))
    return {};
  return [options, stated = stated_names(table)] {
    print_plans(*options, stated);
    return kComplete;
  };
}

}  // namespace tradeoff::front
