#pragma once
#include <filesystem>
#include <string>

#include "tradeoff/task/task.hpp"

namespace tradeoff::task {

/// A task of one's own, as [task.NAME] of a job file or of --task-file tells it.
struct OwnData {
  Kind kind = Kind::sql;
  Answer answer = Answer::choice;
  // The questions: .jsonl, .csv with a header, or .json (a list of objects). Keys, or columns:
  //   id        optional; else the row, from 0
  //   question
  //   sql:      db_id, and query: a text, or in JSON a list of queries that are equally right
  //   choice:   choices: a list of 2 to 10 texts (in CSV columns A, B, ... or a JSON list), and
  //             answer: a letter, or a number from 0
  // Other keys are left alone.
  std::filesystem::path items = {};
  // Kind sql: databases/<db_id>/<db_id>.sqlite.
  std::filesystem::path databases = {};
  // Kind sql: Spider's tables.json; empty: schemas are read from the databases, and there is no
  // exact match and no hardness.
  std::filesystem::path tables = {};
  // Rows like those of `items` that solved examples are taken from, in random order for kind sql,
  // in the file's for kind choice; kind sql: what arms are trained on too. Empty: none.
  std::filesystem::path train = {};
  // Solved examples before a question, where a job says nothing else.
  std::size_t shots = 0;
  // The key whose value groups the questions; empty: none.
  std::string group = {};
};

/// The task, with words of its own. Throws Error naming the key where `data` lacks something or has
/// what its kind has not.
Task own_task(const std::string& name, const OwnData& data);
/// Its words alone: what a report needs of it.
Task own_task_words(const std::string& name, Kind kind, const std::string& group);

}  // namespace tradeoff::task
