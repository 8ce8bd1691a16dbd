#include "tradeoff/config/bind_task.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tradeoff::config {
namespace {

const Names<task::Template> kSqlTemplates{{"chat", task::Template::chat},
                                          {"plain", task::Template::plain}};
const Names<task::Template> kChoiceTemplates{{"chat", task::Template::chat},
                                             {"plain", task::Template::plain},
                                             {"hendrycks", task::Template::hendrycks}};

}  // namespace

void bind(OptionTable& table, task::PromptLimit& limit) {
  table.add("max_prompt_tokens", &limit.max_prompt_tokens,
            "Most tokens of a prompt, the answer not counted; 0: no limit");
  table.add_choice("overflow", &limit.overflow,
                   Names<task::Overflow>{{"error", task::Overflow::error},
                                         {"drop-shots", task::Overflow::drop_shots},
                                         {"skip", task::Overflow::skip}},
                   "What becomes of a longer prompt; nothing is ever cut");
}

void bind(OptionTable& table, text::ChatOptions& options) {
  table
      .add("chat_template", &options.chat_template,
           "A Jinja file in place of the model folder's own chat template")
      .placeholder("FILE");
  table.add("template_date", &options.template_date,
            "The day that a chat template sees, YYYY-MM-DD; never the clock's");
  table.add("enable_thinking", &options.enable_thinking,
            "Tells a chat template with a thinking mode to use it");
}

void bind_prompt(OptionTable& table, const task::Task& task, task::PromptOptions& options) {
  table.add("shots", &options.shots, "Solved examples before the question", {"num_fewshot"});
  if (task.kind == task::Kind::sql) {
    table.add_choice("schema_style", &options.schema_style,
                     Names<task::SchemaStyle>{{"compact", task::SchemaStyle::compact},
                                              {"create-table", task::SchemaStyle::create_table}},
                     "How a database is told to the model");
    table.add_choice("template", &options.prompt_template, kSqlTemplates,
                     "The model's chat template, or the text alone");
    return;
  }
  table.add_choice("template", &options.prompt_template, kChoiceTemplates,
                   "The model's chat template, the text alone as lm-evaluation-harness has it, or "
                   "as the original hendrycks/test has it");
  table.add("fewshot_as_multiturn", &options.fewshot_as_multiturn,
            "With template = chat: each solved example is a turn of its own, as "
            "lm-evaluation-harness has it with --apply_chat_template");
}

void bind_source(OptionTable& table, const task::Task& task, task::Source& source) {
  if (task.source.data.empty()) return;
  table.add("data", &source.data, fmt::format("Folder of the {} release", task.words.title))
      .local()
      .placeholder("DIR");
  if (!task.source.original.empty()) {
    table.add("original", &source.original, "Folder of the release that it is made from")
        .local()
        .placeholder("DIR");
  }
}

void bind_draw(OptionTable& table, const task::Task& task, task::Draw& draw) {
  if (task.groups.empty()) {
    table.add("questions", &draw.questions, "How many questions are drawn; 0: all");
    return;
  }
  table.add("questions", &draw.questions,
            "How many questions are drawn, evenly over the groups; 0: all");
  Names<std::string> groups;
  for (const std::string& group : task.groups) groups.emplace_back(group, group);
  table.add_choice("groups", &draw.groups, std::move(groups), "Groups of subjects");
}

Names<std::string> names_of(std::span<const task::Task> tasks) {
  Names<std::string> names;
  for (const task::Task& task : tasks) names.emplace_back(task.name, task.name);
  return names;
}

Names<std::string> nameable(std::span<const task::Task> tasks) {
  Names<std::string> names = names_of(task::built_in_tasks());
  for (const task::Task& task : tasks)
    if (!task::find_task(task.name)) names.emplace_back(task.name, task.name);
  return names;
}

void bind(OptionTable& table, task::PrepareOptions& options) {
  const bool own = !task::find_task(options.task.name);
  if (!own) {
    table
        .add("data", &options.source.data,
             fmt::format("Folder of the original {} release", options.task.words.title),
             {"data_dir"})
        .required()
        .local()
        .placeholder("DIR");
  }
  if (!options.task.source.original.empty()) {
    table.add("original", &options.source.original, "Folder of the release that it is made from")
        .local()
        .placeholder("DIR");
  }
  table.add("model", &options.model, "Model folder: its tokenizer and chat template")
      .required()
      .local()
      .placeholder("DIR");
  table.add("output_dir", &options.output_dir, "Folder to write to", {"out"})
      .required()
      .local()
      .placeholder("DIR");
  bind_draw(table, options.task, options.draw);
  table.add("data_seed", &options.draw.data_seed, "Seed of the draw of questions");
  table.add("limit", &options.draw.limit, "At most so many items, the first ones; 0: all");
  bind_prompt(table, options.task, options.prompt);
  bind(table, options.chat);
  if (options.task.kind == task::Kind::sql) {
    table.add("seed", &options.prompt.seed, "Replicate seed: the draw of the solved examples");
  }
  bind(table, options.prompt.limit);
  if (options.task.kind == task::Kind::sql && !own) {
    table.add("train_others", &options.source.train_others,
              "The training questions of train_others.json too");
  }
}

}  // namespace tradeoff::config
