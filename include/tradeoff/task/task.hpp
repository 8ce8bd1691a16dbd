#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/task/kind.hpp"
#include "tradeoff/task/prompt.hpp"
#include "tradeoff/task/rendered.hpp"
#include "tradeoff/task/schema.hpp"

/// What a task is, and which there are. Nothing outside this module names one of them: a new task
/// is a file src/task/<task>_task.cpp and a line of src/task/registry.cpp.
namespace tradeoff::task {

/// What a report calls a task and its parts.
struct Words {
  std::string title;              // "Spider"
  std::string table;              // heads its table behind the number: "Spider"
  std::string accuracy;           // "Spider execution accuracy"
  std::string cluster, clusters;  // "database", "databases"
  std::string level;              // "hardness"
  // What Item::label tells, and the name of its column; empty where items have none.
  std::string label;
  std::string dataset;  // as lm-evaluation-harness names it: "cais/mmlu"
};

/// Where a task's data lie.
struct Source {
  // Its own folder.
  std::filesystem::path data = {};
  // The release that it is made from; empty for a task that needs none.
  std::filesystem::path original = {};
  // Adds Spider's train_others.json to its training questions.
  bool train_others = false;
};

/// Which questions are asked: drawn once, equal for all arms and seeds.
struct Draw {
  std::uint64_t data_seed = 0;
  // How many, shared out evenly over the groups where there are any; 0: all.
  std::size_t questions = 0;
  // Of these groups alone; for a task without groups empty.
  std::vector<std::string> groups = {};
  // At most so many: the first of the draw, or of the files where all are taken; 0: no limit.
  std::size_t limit = 0;
};

/// How a question is asked. Each kind reads what it knows.
struct PromptOptions {
  // Replicate seed; kind sql draws its solved examples from it.
  std::uint64_t seed = 0;
  // Solved examples before the question.
  std::size_t shots = 0;
  // Kind sql: how a database is told to the model.
  SchemaStyle schema_style = SchemaStyle::compact;
  Template prompt_template = Template::chat;
  // Kind choice, template chat: each example a turn of its own.
  bool fewshot_as_multiturn = false;
  PromptLimit limit = {};
};

/// A question's database and right queries: one, and others that are as right.
struct Gold {
  std::string id, db_id, query;
  std::vector<std::string> also_right = {};
};

/// A task's data as read and drawn.
struct Questions {
  // Of the bytes of all files that were read.
  std::string sha256;
  // Drawn questions, those that a limit on prompts may skip included; training questions.
  std::size_t count = 0, train_count = 0;
  // The drawn questions as items, with their prompts, in the order of the files.
  std::function<RenderedItems(const PromptModel&, const PromptOptions&)> items;
  // The first so many training questions (0: all), each with its right answer as completion.
  // Empty for a task without any. Throws Error naming the file where it is not there.
  std::function<RenderedItems(const PromptModel&, const PromptOptions&, std::size_t)> train_items;
  // A training file that `train_items` needs and that is not there.
  std::filesystem::path missing_train;
  // Changes with any byte of the prompt's format.
  std::function<std::string(const PromptModel&, const PromptOptions&)> template_sha256;
  // Kind sql: what is scored, and on what; databases/<db_id>/<db_id>.sqlite.
  std::vector<Gold> golds;
  std::filesystem::path databases, tables;
};

/// Designs that `plan` tells of a task: two numbers of questions, and the share of them that two
/// equally good arms answer differently.
struct PlannedDesigns {
  double discordance = 0.20;
  std::array<std::uint64_t, 2> questions{};
};

struct Task {
  // In job files, results and on the command line.
  std::string name;
  Kind kind = Kind::sql;
  // Of kind choice.
  Answer answer = Answer::choice;
  Words words;
  // The task whose questions these ask in other words, one for one: both are drawn and asked alike,
  // and the report shows what the other words cost. Empty for a task of its own.
  std::string pair_of;
  // Asked where a job names no tasks; the first of a kind is what files of others are read as.
  bool by_default = false;
  // Whether arms may be trained on its training questions.
  bool trains = false;
  // Raised whenever a prompt changes by a byte; stored with results.
  int prompt_version = 1;
  // What a job that says nothing else gets.
  Source source;
  Draw draw;
  PromptOptions prompt;
  // Every group that the data have, in the order of tables; empty where a task has none.
  std::vector<std::string> groups;
  PlannedDesigns plan;
  // A file or folder below `source.data` that tells whether the data are there.
  std::filesystem::path landmark;
  // Reads and draws. Throws Error naming file and place where something is missing or malformed.
  std::function<Questions(const Source&, const Draw&)> read;
};

/// The built-in tasks, in the order in which reports show them.
const std::vector<Task>& built_in_tasks();
/// Whether a model writes text to answer it, rather than that choices are scored.
inline bool is_written(const Task& task) {
  return task.kind == Kind::sql || task.answer == Answer::letter;
}
/// nullptr where neither a built-in task nor one of `own` has that name.
const Task* find_task(std::string_view name, std::span<const Task> own = {});
/// The first built-in task of that kind.
const Task& default_task(Kind kind);
/// Whose draw and prompts a task has: its own name, or that of the task that it is paired with.
inline const std::string& asked_as(const Task& task) {
  return task.pair_of.empty() ? task.name : task.pair_of;
}
/// What is known of a task that is not built in: its words follow from name and kind.
Task plain_task(std::string name, Kind kind);

}  // namespace tradeoff::task
