#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tradeoff/base/progress.hpp"
#include "tradeoff/results/status.hpp"

namespace tradeoff::results {
namespace {

const char* word_of(Progressed state) {
  switch (state) {
    case Progressed::complete:
      return "complete";
    case Progressed::running:
      return "running";
    default:
      return "missing";
  }
}

// "training 12/50", "TASK 100/100".
std::string work_text(const WorkStatus& work) {
  return fmt::format("{} {}/{}", work.name, work.done,
                     work.total ? std::to_string(*work.total) : "?");
}

std::string cells_text(const StudyStatus& status) {
  std::size_t widest = 0;
  const auto name = [](const CellStatus& cell) {
    return fmt::format("{} seed-{}", cell.arm, cell.seed);
  };
  for (const CellStatus& cell : status.cells) widest = std::max(widest, name(cell).size());
  std::string text;
  for (const CellStatus& cell : status.cells) {
    text += fmt::format("  {:<{}}  {:<8} ", name(cell), widest, word_of(cell.state));
    for (const WorkStatus& work : cell.work) text += "  " + work_text(work);
    text += "\n";
  }
  return text;
}

// Of each kind of work the rate of the cells that work on it now, added up.
std::string rates_text(const StudyStatus& status) {
  std::map<std::string, double> rates;
  for (const CellStatus& cell : status.cells) {
    if (cell.state != Progressed::running) continue;
    for (const WorkStatus& work : cell.work) {
      if (!work.complete && work.seconds > 0)
        rates[work.name] += static_cast<double>(work.made) / work.seconds;
    }
  }
  std::string text;
  for (const auto& [name, rate] : rates)
    text += fmt::format("{}{:.3g} {}/s", text.empty() ? "" : ", ", rate,
                        name == "training" ? "steps" : name + " questions");
  return text;
}

std::string rank_text(const RankStatus& rank) {
  return fmt::format("  rank {}/{} {}: {} ago{}{}\n", rank.rank, rank.ranks, rank.host,
                     format_duration(rank.age_s), rank.doing.empty() ? "" : ", ", rank.doing);
}

Json work_json(const WorkStatus& work) {
  return {{"name", work.name},
          {"done", work.done},
          {"total", work.total ? Json(*work.total) : Json(nullptr)},
          {"complete", work.complete},
          {"per_s",
           work.seconds > 0 ? Json(static_cast<double>(work.made) / work.seconds) : Json(nullptr)}};
}

}  // namespace

std::string status_text(const StudyStatus& status) {
  std::string text =
      fmt::format("Study {}: {}; {} cells: {} complete, {} running, {} missing\n", status.name,
                  status.complete ? "complete" : "not complete", status.cells.size(),
                  status.count(Progressed::complete), status.count(Progressed::running),
                  status.count(Progressed::missing));
  text += cells_text(status);
  if (!status.complete) {
    const std::string rates = rates_text(status);
    if (!rates.empty()) text += "Now: " + rates + "\n";
    text += "Left: " +
            (status.left_s ? "about " + format_duration(*status.left_s)
                           : std::string("not known before each kind of work has begun")) +
            "\n";
  }
  if (!status.ranks.empty()) text += "Last heartbeats:\n";
  for (const RankStatus& rank : status.ranks) text += rank_text(rank);
  for (const std::string& remark : status.remarks) text += "Note: " + remark + "\n";
  return text;
}

Json status_json(const StudyStatus& status) {
  Json json = {{"study", status.name},
               {"complete", status.complete},
               {"left_s", status.left_s ? Json(*status.left_s) : Json(nullptr)},
               {"cells", Json::array()},
               {"ranks", Json::array()},
               {"remarks", status.remarks}};
  for (const CellStatus& cell : status.cells) {
    Json work = Json::array();
    for (const WorkStatus& each : cell.work) work.push_back(work_json(each));
    json["cells"].push_back({{"arm", cell.arm},
                             {"seed", cell.seed},
                             {"state", word_of(cell.state)},
                             {"work", std::move(work)}});
  }
  for (const RankStatus& rank : status.ranks) {
    json["ranks"].push_back({{"rank", rank.rank},
                             {"ranks", rank.ranks},
                             {"host", rank.host},
                             {"age_s", rank.age_s},
                             {"doing", rank.doing}});
  }
  return json;
}

}  // namespace tradeoff::results
