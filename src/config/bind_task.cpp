#include "tradeoff/config/bind_task.hpp"

namespace tradeoff::config {
namespace {

const Names<task::Template> kTemplates{{"chat", task::Template::chat},
                                       {"plain", task::Template::plain}};
const Names<task::Template> kMmluTemplates{{"chat", task::Template::chat},
                                           {"plain", task::Template::plain},
                                           {"hendrycks", task::Template::hendrycks}};

// What both kinds of `prepare` read and write.
template <typename Options>
void bind_folders(Table& table, Options& options, const char* data) {
  table.add("data", &options.data, data, {"data_dir"}).required().local().placeholder("DIR");
  table.add("model", &options.model, "Model folder: its tokenizer and chat template")
      .required()
      .local()
      .placeholder("DIR");
  table.add("output_dir", &options.output_dir, "Folder to write to", {"out"})
      .required()
      .local()
      .placeholder("DIR");
}

template <typename Draw>
void bind_selection(Table& table, Draw& draw) {
  bind(table, draw);
  table.add("data_seed", &draw.data_seed, "Seed of the draw of questions");
  table.add("limit", &draw.limit, "At most so many items, the first ones; 0: all");
}

}  // namespace

void bind(Table& table, task::PromptLimit& limit) {
  table.add("max_prompt_tokens", &limit.max_prompt_tokens,
            "Most tokens of a prompt, the answer not counted; 0: no limit");
  table.add_choice("overflow", &limit.overflow,
                   Names<task::Overflow>{{"error", task::Overflow::error},
                                         {"drop-shots", task::Overflow::drop_shots},
                                         {"skip", task::Overflow::skip}},
                   "What becomes of a longer prompt; nothing is ever cut");
}

void bind(Table& table, text::ChatOptions& options) {
  table
      .add("chat_template", &options.chat_template,
           "A Jinja file in place of the model folder's own chat template")
      .placeholder("FILE");
  table.add("template_date", &options.template_date,
            "The day that a chat template sees, YYYY-MM-DD; never the clock's");
  table.add("enable_thinking", &options.enable_thinking,
            "Tells a chat template with a thinking mode to use it");
}

void bind(Table& table, task::SpiderPromptOptions& options) {
  table.add("shots", &options.shots, "Solved examples before the question", {"num_fewshot"});
  table.add_choice("schema_style", &options.schema_style,
                   Names<task::SchemaStyle>{{"compact", task::SchemaStyle::compact},
                                            {"create-table", task::SchemaStyle::create_table}},
                   "How a database is told to the model");
  table.add_choice("template", &options.prompt_template, kTemplates,
                   "The model's chat template, or the text alone");
}

void bind(Table& table, task::MmluPromptOptions& options) {
  table.add("shots", &options.num_fewshot, "Solved examples before the question", {"num_fewshot"});
  table.add_choice("template", &options.prompt_template, kMmluTemplates,
                   "The model's chat template, the text alone as lm-evaluation-harness has it, or "
                   "as the original hendrycks/test has it");
  table.add("fewshot_as_multiturn", &options.fewshot_as_multiturn,
            "With template = chat: each solved example is a turn of its own, as "
            "lm-evaluation-harness has it with --apply_chat_template");
}

void bind(Table& table, task::SpiderDraw& draw) {
  table.add("questions", &draw.questions, "How many questions are drawn; 0: all");
}

void bind(Table& table, task::MmluDraw& draw) {
  table.add("questions", &draw.questions,
            "How many questions are drawn, evenly over the groups; 0: all");
  table.add("groups", &draw.groups, "Groups of subjects: stem, humanities, social_sciences, other")
      .commas();
}

void bind(Table& table, task::PrepareSpiderOptions& options) {
  bind_folders(table, options, "Folder of the original Spider release");
  bind_selection(table, options.draw);
  bind(table, options.prompt);
  bind(table, options.chat);
  table.add("seed", &options.prompt.seed, "Replicate seed: the draw of the solved examples");
  bind(table, options.prompt.limit);
  table.add("train_others", &options.files.train_others,
            "The training questions of train_others.json too");
}

void bind(Table& table, task::PrepareMmluOptions& options) {
  bind_folders(table, options, "Folder of the original MMLU release, with dev and test");
  bind_selection(table, options.draw);
  bind(table, options.prompt);
  bind(table, options.chat);
  bind(table, options.prompt.limit);
}

}  // namespace tradeoff::config
