#include "tradeoff/sql/score_files.hpp"

#include <iostream>
#include <memory>

#include "all_commands.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/config/bind_task.hpp"
#include "tradeoff/task/extract.hpp"

namespace tradeoff::app {
namespace {

// The statement of a raw answer. Words without one become a comment, which is no SQL either, while
// a blank answer stays blank.
std::string sql_of_answer(std::string_view text) {
  const task::Extracted found = task::extract_sql(text);
  return found.found == task::Extracted::Found::no_sql ? "--" : found.sql;
}

}  // namespace

Work parse_score(Words words) {
  auto options = std::make_shared<sql::ScoreFilesOptions>();
  options->threads = 0;
  config::Table table;
  bool bars = false;
  bind(table, *options);
  table.add("progress_bar_for_each_datapoint", &bars, "Taken as the official flag; without effect");
  if (!config::parse_command_line(
          {"score", "Judges predicted SQL by the official Spider rules and by stricter ones."},
          table, words))
    return {};
  options->extract = sql_of_answer;
  return {[options](const comm::Session& session) {
    if (session.rank() == 0) sql::score_files(*options, std::cout);
    return kComplete;
  }};
}

}  // namespace tradeoff::app
