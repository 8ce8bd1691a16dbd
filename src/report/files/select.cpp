#include "tradeoff/report/files/select.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_name.hpp"
#include "tradeoff/results/reduce.hpp"

namespace tradeoff::report {
namespace {

// Kept arms in their order, and the name that each has from now on.
struct NewNames {
  std::vector<std::string> order;
  std::map<std::string, std::string> of;
};

void check_there(const std::vector<std::string>& arms, const std::string& arm,
                 const std::string& option) {
  check(std::ranges::find(arms, arm) != arms.end(),
        fmt::format("{}: no arm \"{}\"; there are {}", option, arm, fmt::join(arms, ", ")));
}

NewNames new_names(const std::vector<std::string>& arms, const Selection& selection) {
  NewNames names;
  names.order = selection.arms.empty() ? arms : selection.arms;
  for (const std::string& arm : names.order) {
    check_there(arms, arm, "--arms");
    check(names.of.try_emplace(arm, arm).second, fmt::format("--arms: \"{}\" stands twice", arm));
  }
  for (const std::string& pair : selection.rename) {
    const std::size_t sign = pair.find('=');
    check(sign != std::string::npos, fmt::format("--rename: found \"{}\", expected old=new", pair));
    const std::string old = pair.substr(0, sign), fresh = pair.substr(sign + 1);
    check_there(arms, old, "--rename");
    check(names.of.contains(old), fmt::format("--rename: \"{}\" is not among --arms", old));
    check_file_name("--rename", fresh);
    names.of[old] = fresh;
  }
  std::set<std::string> seen;
  for (const auto& [old, fresh] : names.of)
    check(seen.insert(fresh).second, fmt::format("--rename: two arms are called \"{}\"", fresh));
  return names;
}

store::Predictions renamed(store::Predictions p, const NewNames& names) {
  std::map<store::RunKey, store::Run> runs;
  for (auto& [key, run] : p.runs)
    if (const auto name = names.of.find(key.arm); name != names.of.end())
      runs[{name->second, key.seed, key.task}] = std::move(run);
  std::map<std::pair<std::string, std::uint64_t>, store::Table> training;
  for (auto& [cell, curve] : p.training)
    if (const auto name = names.of.find(cell.first); name != names.of.end())
      training[{name->second, cell.second}] = std::move(curve);
  Json arms = Json::object();
  for (const std::string& arm : names.order)
    if (p.config.contains("arms") && p.config["arms"].contains(arm))
      arms[names.of.at(arm)] = p.config["arms"][arm];
  p.config["arms"] = std::move(arms);
  p.runs = std::move(runs);
  p.training = std::move(training);
  return p;
}

}  // namespace

void select(Study& study, const Selection& selection) {
  if (!selection.primary.empty()) {
    study.predictions.config["study"]["primary"] = selection.primary;
    results::primary_of(study.predictions);
  }
  if (selection.arms.empty() && selection.rename.empty()) return;
  const NewNames names = new_names(results::arm_order(study.predictions), selection);
  study.predictions = renamed(std::move(study.predictions), names);
  std::erase_if(study.missing,
                [&](const MissingCell& cell) { return !names.of.contains(cell.arm); });
  for (MissingCell& cell : study.missing) cell.arm = names.of.at(cell.arm);
  std::erase_if(study.ledger,
                [&](const results::LedgerEntry& entry) { return !names.of.contains(entry.arm); });
  for (results::LedgerEntry& entry : study.ledger) entry.arm = names.of.at(entry.arm);
}

}  // namespace tradeoff::report
