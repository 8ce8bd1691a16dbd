#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis_parts.hpp"
#include "tradeoff/store/item_columns.hpp"
#include "tradeoff/store/prediction.hpp"

namespace tradeoff::report {
namespace {

namespace column = store::column;
namespace item_column = store::item_column;

using store::Flags;
using store::Strings;

// "right", or why the row is wrong.
std::string class_of(const store::Table& rows, const Flags& verdicts, std::size_t i) {
  if (verdicts[i] == 1) return "right";
  const std::string& name = rows.at(column::kErrorClass)[i];
  if (!name.empty()) return name;
  const std::string& outcome = rows.at(column::kOutcome)[i];
  return outcome.empty() || outcome == "ok" ? "other_rows" : outcome;
}

std::vector<const store::RunKey*> sql_runs(const Study& study, const std::string& arm,
                                           const std::string& task) {
  std::vector<const store::RunKey*> keys;
  for (const auto& [key, run] : study.predictions.runs) {
    if (key.arm == arm && key.task == task) keys.push_back(&key);
  }
  return keys;
}

using Moves = std::map<std::pair<std::string, std::string>, std::int64_t>;

// Answer by answer, of those that both runs have; a greedy one stands for any number.
void count_moves(const store::Run& from, const store::Run& to,
                 const store::RunColumn<Flags>& metric, Moves& moves) {
  const std::size_t samples = !from.sampled() ? to.samples()
                              : !to.sampled() ? from.samples()
                                              : std::min(from.samples(), to.samples());
  for (std::size_t k = 0; k < samples; ++k) {
    const store::Table& a = from.sample(from.sampled() ? k : 0);
    const store::Table& b = to.sample(to.sampled() ? k : 0);
    const Flags &va = a.at(metric), &vb = b.at(metric);
    for (std::size_t i = 0; i < a.rows(); ++i) ++moves[{class_of(a, va, i), class_of(b, vb, i)}];
  }
}

std::string sampling_words(const store::Run& run) {
  const auto number = [&](const char* name) {
    const store::Attribute& value = run.attributes.at(name);
    return std::holds_alternative<double>(value)
               ? std::get<double>(value)
               : static_cast<double>(std::get<std::int64_t>(value));
  };
  std::string text = fmt::format("temperature {}", number("temperature"));
  if (number("top_k") > 0) text += fmt::format(", top-k {}", number("top_k"));
  if (number("top_p") < 1) text += fmt::format(", top-p {}", number("top_p"));
  return text;
}

}  // namespace

void tell_until(const Study& study, Analysis& out) {
  const Json none = Json::object();
  const Json told = field_or<Json>(study.predictions.config, "study", none);
  if (!told.contains("until")) return;
  const Json& rule = told.at("until");
  out.until_task = field<std::string>(rule, "task");
  out.until_half_width = field<double>(rule, "half_width");
  out.until = fmt::format("{} ±{:.3g} points, at most {} seeds", task_title(out.until_task),
                          100 * out.until_half_width, field<std::uint64_t>(rule, "max_seeds"));
}

void tell_sampling(const Study& study, Analysis& out) {
  for (const auto& [key, run] : study.predictions.runs) {
    if (run.sampled()) out.sampling[{key.arm, key.task}] = sampling_words(run);
  }
}

void count_rows(const Study& study, Analysis& out) {
  for (const std::string& arm : out.arms) {
    for (const std::string& task : out.tasks) {
      RowCounts counts{arm, task};
      for (const auto& [key, run] : study.predictions.runs) {
        if (key.arm != arm || key.task != task) continue;
        counts.rows += static_cast<std::int64_t>(run.rows.rows() * run.samples());
        counts.skipped += std::ranges::count(run.rows.at(column::kSkipped), 1);
        for (const std::string& why : run.rows.at(column::kOverflow)) {
          counts.shots_dropped += why.empty() ? 0 : 1;
        }
        for (const std::int64_t tokens : run.rows.at(column::kPromptTokens)) {
          counts.longest_prompt = std::max(counts.longest_prompt, tokens);
        }
        if (is_written(out.task(task))) {
          for (std::size_t k = 0; k < run.samples(); ++k)
            counts.cut_off += std::ranges::count(run.sample(k).at(column::kFinish),
                                                 name_of(store::Finish::length));
        }
        if (out.task(task).answer == task::Answer::letter)
          counts.no_letter += std::ranges::count(run.rows.at(column::kAnswer), "");
      }
      counts.shots_dropped -= counts.skipped;
      if (out.task(task).answer == task::Answer::letter) counts.no_letter -= counts.skipped;
      if (counts.rows > 0) out.counts.push_back(counts);
    }
  }
}

namespace {

// How the reference's rows became those of `arm`, over paired seeds.
void add_transitions(const Study& study, const Analysis& out, const std::string& task,
                     const std::string& arm, std::vector<Transition>& transitions) {
  const auto& metric = results::column_of(out.primary);
  const auto reference = sql_runs(study, out.reference, task);
  const bool once = reference.size() == 1 &&
                    study.predictions.runs.at(*reference[0]).attributes.contains("computed_once");
  Moves moves;
  for (const store::RunKey* key : sql_runs(study, arm, task)) {
    for (const store::RunKey* from : reference) {
      if (!once && from->seed != key->seed) continue;
      count_moves(study.predictions.runs.at(*from), study.predictions.runs.at(*key), metric, moves);
    }
  }
  for (const auto& [move, rows] : moves)
    transitions.push_back({arm, move.first, move.second, rows});
}

// Of one arm, over its seeds; nothing where it has no log-probabilities.
std::vector<stats::ChoiceRow> choice_rows(const Study& study, const std::string& arm,
                                          const std::string& task) {
  const Strings& gold = study.predictions.items.at(task).at(item_column::kRightChoice);
  std::vector<stats::ChoiceRow> rows;
  std::size_t of_arm = 0;
  for (const auto& [key, run] : study.predictions.runs) {
    if (key.arm != arm || key.task != task || !run.rows.has(column::kChoiceLogprobs)) continue;
    const auto& logprobs = run.rows.at(column::kChoiceLogprobs);
    for (std::size_t i = 0; i < gold.size(); ++i) {
      const auto first = logprobs.values.begin() + static_cast<std::ptrdiff_t>(i * logprobs.width);
      if (gold[i].size() != 1 || std::isnan(*first)) continue;
      // A question of fewer choices than others has none at the end.
      const auto last = std::find_if(first, first + static_cast<std::ptrdiff_t>(logprobs.width),
                                     [](double value) { return std::isnan(value); });
      rows.push_back({{first, last}, static_cast<std::size_t>(gold[i][0] - 'A'), of_arm});
    }
    ++of_arm;
  }
  return rows;
}

}  // namespace

void count_errors(const Study& study, Analysis& out) {
  const auto& metric = results::column_of(out.primary);
  for (const std::string& task : out.tasks) {
    if (out.task(task).kind != task::Kind::sql) continue;
    TaskErrors& errors = out.errors[task];
    for (const std::string& arm : out.arms) {
      for (const store::RunKey* key : sql_runs(study, arm, task)) {
        const store::Run& run = study.predictions.runs.at(*key);
        for (std::size_t k = 0; k < run.samples(); ++k) {
          const store::Table& rows = run.sample(k);
          const Flags& verdicts = rows.at(metric);
          for (std::size_t i = 0; i < rows.rows(); ++i)
            ++errors.classes[arm][class_of(rows, verdicts, i)];
        }
      }
      if (arm != out.reference) add_transitions(study, out, task, arm, errors.transitions);
    }
  }
}

void calibrate(const Study& study, Analysis& out) {
  for (const std::string& task : out.tasks) {
    if (out.task(task).kind != task::Kind::choice) continue;
    for (const std::string& arm : out.arms) {
      const auto rows = choice_rows(study, arm, task);
      if (!rows.empty()) out.calibration[task][arm] = stats::calibration(rows);
    }
  }
}

}  // namespace tradeoff::report
