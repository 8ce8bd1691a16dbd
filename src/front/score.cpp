#include "tradeoff/front/commands.hpp"
#include "tradeoff/front/exit_codes.hpp"

#include <iostream>
#include <memory>

#include "score_choices.hpp"
#include "score_stored.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/config/bind_task.hpp"
#include "tradeoff/sql/files/score_files.hpp"
#include "tradeoff/task/extract.hpp"

namespace tradeoff::front {
namespace {

// The statement of a raw answer. Words without one become a comment, which is no SQL either, while
// a blank answer stays blank.
std::string sql_of_answer(std::string_view text) {
  const task::Extracted found = task::extract_sql(text);
  return found.found == task::Extracted::Found::no_sql ? "--" : found.sql;
}

struct ScoreWork {
  sql::ScoreFilesOptions files;
  std::vector<std::string> arms;
};

// What one option asks of another.
void check_together(const ScoreWork& work, config::Problems& problems) {
  const bool stored = is_stored(work.files.pred), lines = work.files.pred.extension() == ".jsonl";
  if (stored && !work.files.gold.empty())
    problems.add("--gold", "a predictions.h5 holds its own gold queries");
  if (!stored && !lines && work.files.gold.empty() && !work.files.pred.empty())
    problems.add("--gold",
                 "is required; only a predictions.h5 and the samples (.jsonl) of "
                 "lm-evaluation-harness hold the gold queries");
  if (stored && !work.files.filter.empty())
    problems.add("--filter", "is for samples of lm-evaluation-harness");
  if (!stored && !work.arms.empty()) problems.add("--arm", "is for a predictions.h5");
  if (work.files.etype != "exec" && work.files.table.empty())
    problems.add("--table", "is required by --etype " + work.files.etype);
}

// Letters are judged against the items that were asked, without a database.
void check_choices(const config::OptionTable& table, const ScoreWork& work,
                   config::Problems& problems) {
  if (work.files.gold.empty())
    problems.add("--gold", "missing; expected the items that were asked, JSONL with \"answer\"");
  for (const config::Option* option : table.options()) {
    const std::string& name = option->name();
    if (table.given(name) && name != "gold" && name != "pred" && name != "out")
      problems.add(table.where(name),
                   "is for predicted SQL, but " + work.files.pred.string() + " holds letters");
  }
}

}  // namespace

std::function<int()> score_of(std::span<const std::string> words) {
  auto work = std::make_shared<ScoreWork>();
  work->files.threads = 0;
  config::OptionTable table;
  bool bars = false;
  bind(table, work->files);
  table.add("arm", &work->arms, "Of a predictions.h5: the arms to score; all by default")
      .placeholder("NAME");
  table.add("progress_bar_for_each_datapoint", &bars, "Taken as the official flag; without effect");
  config::Problems problems;
  const auto arguments = config::Arguments::parse(table, words, problems);
  if (arguments.help()) {
    std::cout << config::help_text(
        {"score", "Judges predicted SQL by the official test-suite rules and by stricter ones.",
         "tradeoff score --gold gold.sql --pred predictions.sql --db database "
         "--table tables.json --etype all --details"},
        table);
    return {};
  }
  arguments.apply(table, problems);
  const bool choices = holds_choices(work->files.pred);
  if (choices) {
    check_choices(table, *work, problems);
  } else {
    table.check_required(problems);
    check_together(*work, problems);
  }
  problems.throw_if_any();
  if (choices) {
    return [files = work->files] {
      score_choices(files.gold, files.pred, files.out, std::cout);
      return kComplete;
    };
  }
  work->files.extract = sql_of_answer;
  return [work] {
    if (is_stored(work->files.pred))
      score_stored(work->files, work->arms, std::cout);
    else
      sql::score_files(work->files, std::cout);
    return kComplete;
  };
}

}  // namespace tradeoff::front
