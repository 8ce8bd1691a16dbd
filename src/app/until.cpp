#include "until.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tradeoff/base/json_field.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/stats/margin.hpp"
#include "tradeoff/stats/sequence.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::app {
namespace {

// "TASK.exec +-2 points" of a task that there is.
std::string example() {
  return "\"" + task::default_task(task::Kind::sql).name + ".exec +-2 points\"";
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// "TASK.exec" and "+-2 points", or "±2 points"; empty where there is no sign between.
std::pair<std::string, std::string> halves(std::string_view rule) {
  for (const std::string_view sign : {"+-", "±", "+/-"}) {
    const auto at = rule.find(sign);
    if (at == std::string_view::npos) continue;
    return {std::string(trim(rule.substr(0, at))),
            std::string(trim(rule.substr(at + sign.size())))};
  }
  return {};
}

// The metric that accuracy means for a task.
std::string metric_of(const task::Task& task, results::Primary primary) {
  return task.kind == task::Kind::sql ? std::string(results::name_of(primary)) : "accuracy";
}

// What is wrong with the rule for this study; empty: nothing.
std::string fault_of(const std::string& name, const Until& until,
                     const study::StudyOptions& study) {
  const auto dot = name.find('.');
  if (std::ranges::find(study.tasks, until.task) == study.tasks.end())
    return fmt::format("the study asks no task \"{}\"", until.task);
  const task::Task& task = study.known.at(until.task).task;
  const std::string metric = metric_of(task, study.primary);
  if (dot != std::string::npos && name.substr(dot + 1) != metric)
    return fmt::format("found the metric \"{}\", and accuracy on {} means {} here",
                       name.substr(dot + 1), until.task, metric);
  if (study.arms.size() < 2) return "the study has one arm, and no difference to bound";
  if (std::ranges::none_of(study.arms, [&](const auto& arm) { return reached_by_seed(arm, task); }))
    return fmt::format("no random stream reaches the answers to {}: no seed changes them",
                       until.task);
  if (study.cell) return "a rule looks at whole studies; expected no --cell beside it";
  if (until.max_seeds < stats::kFewestSeeds)
    return fmt::format(
        "{} seeds are the fewest that bound how much runs differ, found --max-seeds "
        "{}",
        stats::kFewestSeeds, until.max_seeds);
  if (until.max_seeds < study.seeds.size())
    return fmt::format("the job has {} seeds, more than --max-seeds {}", study.seeds.size(),
                       until.max_seeds);
  return "";
}

bool continues(const std::vector<std::uint64_t>& seeds, const std::vector<std::uint64_t>& of) {
  if (seeds.size() < of.size() || !std::equal(of.begin(), of.end(), seeds.begin())) return false;
  std::uint64_t last = std::ranges::max(of);
  for (std::size_t i = of.size(); i < seeds.size(); ++i) {
    if (seeds[i] != ++last) return false;
  }
  return true;
}

}  // namespace

void bind_until(config::OptionTable& table, UntilOptions& options) {
  table
      .add("until", &options.rule,
           "Add seeds until each arm's difference from the reference on a task is known so "
           "far: " +
               example() + ", by an interval that stays true however often one looks")
      .local()
      .placeholder("RULE");
  table.add("max_seeds", &options.max_seeds, "Seeds at which --until gives up").local().at_least(1);
}

std::optional<Until> resolve_until(const UntilOptions& options, study::StudyOptions& study,
                                   config::Problems& problems) {
  if (options.rule.empty()) return std::nullopt;
  const auto [name, points] = halves(options.rule);
  const auto half = stats::parse_margin(points);
  if (name.empty() || !half) {
    problems.add("--until", fmt::format("found \"{}\", expected TASK +-POINTS, such as {}",
                                        options.rule, example()));
    return std::nullopt;
  }
  const Until until{name.substr(0, name.find('.')), half->fraction, options.max_seeds};
  if (const std::string fault = fault_of(name, until, study); !fault.empty()) {
    problems.add("--until", fault);
    return std::nullopt;
  }
  study.record["study"]["until"] = {
      {"task", until.task}, {"half_width", until.half_width}, {"max_seeds", until.max_seeds}};
  return until;
}

std::vector<std::uint64_t> seeds_so_far(const comm::Session& session,
                                        const study::StudyOptions& study) {
  Json seeds = study.seeds;
  const auto file = study.output_dir / "study.json";
  if (session.rank() == 0 && !study.overwrite && std::filesystem::exists(file)) {
    const Json record = field<Json>(field<Json>(read_json(file), "config"), "study");
    const auto found = field<std::vector<std::uint64_t>>(record, "seeds");
    if (continues(found, study.seeds)) seeds = found;
  }
  return Json::parse(comm::broadcast(session, seeds.dump())).get<std::vector<std::uint64_t>>();
}

Look look(const Until& until, const report::Analysis& analysis, std::uint64_t at_once) {
  const stats::ScoreTable* from = analysis.table_of(analysis.reference, until.task);
  std::vector<stats::NextCells> cells;
  std::uint64_t last = 0, seeds = 0;
  for (const std::string& arm : analysis.arms) {
    const stats::ScoreTable* to = analysis.table_of(arm, until.task);
    if (!from || !to || to == from) continue;
    cells.push_back(stats::next_cells(*from, *to, until.half_width));
    for (const auto* table : {from, to}) last = std::max(last, std::ranges::max(table->seeds));
    seeds = std::max(seeds, cells.back().seeds.seeds);
  }
  Look out;
  out.words = stats::to_text(cells);
  std::uint64_t wanted = seeds;
  bool open = false, hopeless = false;
  for (const stats::NextCells& one : cells) {
    const stats::NextSeeds& next = one.seeds;
    if (one.arms.empty()) continue;  // no seed reaches either arm
    if (next.needed && *next.needed <= next.seeds) continue;
    open = true;
    // More seeds change nothing where the questions alone leave more, or nothing varied.
    hopeless = hopeless || (!next.now && next.seeds >= stats::kFewestSeeds) ||
               (next.questions_alone && *next.questions_alone >= until.half_width);
    wanted = std::max(wanted, next.now ? next.seeds + at_once : stats::kFewestSeeds);
  }
  out.settled = !open;
  if (!open || hopeless) return out;
  wanted = std::min(wanted, until.max_seeds);
  for (; seeds < wanted; ++seeds) out.added.push_back(++last);
  if (out.added.empty())
    out.words += fmt::format("not settled with --max-seeds {}\n", until.max_seeds);
  return out;
}

}  // namespace tradeoff::app
