#include <fmt/format.h>

#include "options/bind.hpp"

namespace tradeoff::app {

using config::Names, config::Option, config::Problems, config::OptionTable;

namespace {

const Names<task::Answer> kAnswers = {{"choice", task::Answer::choice},
                                      {"letter", task::Answer::letter}};

Option& add_quantization(OptionTable& table, study::ModelOptions& options) {
  return table.add_choice(
      "quantization", &options.quantization,
      Names<model::Quantization>{{"auto", model::Quantization::as_stored},
                                 {"none", model::Quantization::none},
                                 {"nf4", model::Quantization::nf4}},
      "auto: what the model folder is; nf4 quantises a bfloat16 folder as it is read");
}

}  // namespace

void bind(OptionTable& table, study::ModelOptions& options) {
  table.add("model", &options.model, "Model folder, as `tradeoff import` writes it")
      .required()
      .local()
      .placeholder("DIR");
  table
      .add_choice("device", &options.device,
                  Names<model::DeviceChoice>{{"auto", model::DeviceChoice::automatic},
                                             {"cpu", model::DeviceChoice::cpu},
                                             {"cuda", model::DeviceChoice::cuda}},
                  "auto: this rank's GPU where there is one")
      .local();
  table.add_choice("dtype", &options.dtype,
                   Names<model::DtypeChoice>{{"auto", model::DtypeChoice::automatic},
                                             {"float32", model::DtypeChoice::float32},
                                             {"bfloat16", model::DtypeChoice::bfloat16},
                                             {"float16", model::DtypeChoice::float16}},
                   "auto: bfloat16 on a GPU and on a processor that computes in it, float16 on a "
                   "GPU that does not, else float32");
  add_quantization(table, options);
  table
      .add_choice(
          "nf4_residency", &options.nf4_residency,
          Names<model::Nf4Residency>{{"auto", model::Nf4Residency::automatic},
                                     {"packed", model::Nf4Residency::packed},
                                     {"bf16", model::Nf4Residency::bf16}},
          "NF4 weights kept packed, or dequantised once; auto: once where that takes at most "
          "half of the memory")
      .local();
  table
      .add("cuda_graphs", &options.cuda_graphs,
           "On a GPU, decode few prompts by recorded graphs; the answers are the same without")
      .local();
  table.add("threads", &options.threads, "CPU threads of a rank; 0: its share of the cores")
      .at_most(config::kMostThreads)
      .local()
      .at_least(0);
  table
      .add_choice(
          "lock", &options.lock,
          Names<LockKind>{
              {"flock", LockKind::flock}, {"file", LockKind::file}, {"none", LockKind::none}},
          "What keeps a second process out of the output: flock; file, where the file "
          "system has no flock (a killed process leaves the file behind); none: nothing, "
          "and two at a time mix their results")
      .local();
  table
      .add("single", &options.single,
           "Run as one process where the launcher or Slurm meant several")
      .local();
}

void bind(OptionTable& table, study::DecodingOptions& options) {
  table.add("max_new_tokens", &options.max_new_tokens, "Most new tokens of an answer").at_least(1);
  table.add("stop", &options.stop, "A text that ends an answer; repeatable")
      .escaped()
      .placeholder("TEXT");
  table
      .add_number_or("chunk_size", &options.chunk_size, "auto", std::int64_t{0},
                     "Most questions of a chunk, the unit of work; auto: by task and device")
      .at_least(1);
}

namespace {

constexpr std::int64_t kMostSamples = 1000;
constexpr const char* kNotSampled =
    "choices are scored by their log-probabilities, which are not sampled; expected no such key, "
    "or "
    "answer = letter in the task's section";

void refuse_sampling(OptionTable& table) {
  for (const char* name : study::kSamplingKeys) table.refuse(name, kNotSampled);
}

}  // namespace

void bind(OptionTable& table, study::SamplingOptions& options) {
  table
      .add_number_or("temperature", &options.rule.temperature, "model", study::kModelTemperature,
                     "Answers are drawn at this temperature; 0: the likeliest token each time; "
                     "model: temperature, top_p and top_k of the model's generation_config.json")
      .at_least(0)
      .recorded_where_set()
      .shared();
  table
      .add("top_p", &options.rule.top_p,
           "Draw from the likeliest tokens whose probabilities reach this sum; 1: from all")
      .above(0)
      .at_most(1)
      .recorded_where_set()
      .shared();
  table.add("top_k", &options.rule.top_k, "Draw from the so many likeliest tokens; 0: from all")
      .at_least(0)
      .recorded_where_set()
      .shared();
  table.add("samples", &options.rule.samples, "Answers drawn to each question")
      .at_least(1)
      .at_most(kMostSamples)
      .recorded_where_set()
      .shared();
  table
      .add("sample_seed", &options.sample_seed,
           "Seed of the draws, beside the replicate seed of a study")
      .recorded_where_set()
      .shared();
}

void check_sampling(const study::SamplingOptions& options, const std::string& where,
                    Problems& problems) {
  const infer::Sampling& rule = options.rule;
  if (rule.samples > 1 && rule.greedy())
    problems.add(where, fmt::format("samples: found {} at temperature 0, where all are the same "
                                    "answer; expected a temperature above 0",
                                    rule.samples));
  if (rule.temperature == study::kModelTemperature && (rule.top_p != 1 || rule.top_k != 0))
    problems.add(where,
                 "temperature = model takes top_p and top_k of the model too; expected none "
                 "beside it");
}

void bind(OptionTable& table, study::PredictOptions& options) {
  bind(table, options.model);
  table.add_choice("task", &options.task, config::nameable(options.own_tasks),
                   "What the items are: decides between written answers and log-probabilities of "
                   "the choices");
  table.add_choice("answer", &options.answer, kAnswers,
                   "Of choices: the likeliest letter, or a letter read from what the model writes; "
                   "else as the task has it");
  table
      .add("items", &options.items,
           "Items, JSONL: {\"id\", \"prompt\"} and, where letters are chosen, \"choices\"",
           {"input"})
      .required()
      .local()
      .placeholder("F.jsonl");
  table.add("out", &options.out, "Predictions, JSONL; journals go to OUT.journal/", {"output"})
      .required()
      .local()
      .placeholder("F.jsonl");
  table.add("adapter", &options.adapter, "PEFT adapter folder, applied unmerged")
      .local()
      .placeholder("DIR");
  table.add("limit", &options.limit, "The first so many items; 0: all").at_least(0);
  bind(table, options.decoding);
  bind(table, options.decoding.sampling);
  table.add("resume", &options.resume, "Continue from the journals of an earlier run").local();
}

void bind(OptionTable& table, model::ImportOptions& options) {
  table
      .add("model", &options.model, "GGUF file, or Hugging Face folder with safetensors", {"input"})
      .required()
      .local()
      .placeholder("PATH");
  table.add("out", &options.out, "Model folder to write", {"output_dir"})
      .required()
      .local()
      .placeholder("DIR");
  table.add_choice("dtype", &options.dtype,
                   Names<model::StoredDtype>{{"bfloat16", model::StoredDtype::bfloat16},
                                             {"float32", model::StoredDtype::float32}},
                   "Type of the stored weights");
  table.add_choice("quantization", &options.quantization,
                   Names<model::Quantization>{{"auto", model::Quantization::as_stored},
                                              {"none", model::Quantization::none},
                                              {"nf4", model::Quantization::nf4}},
                   "nf4: linear layers in bitsandbytes' 4-bit format; auto, none: as they are");
  table
      .add_choice("device", &options.device,
                  Names<model::DeviceChoice>{{"auto", model::DeviceChoice::automatic},
                                             {"cpu", model::DeviceChoice::cpu},
                                             {"cuda", model::DeviceChoice::cuda}},
                  "Where NF4 is quantised, to the same bytes; auto: on a GPU where there is one")
      .local();
}

void bind_answer(OptionTable& table, task::Answer& answer) {
  table
      .add_choice("answer", &answer, kAnswers,
                  "The likeliest letter, or a letter read from what the model writes")
      .recorded_where_set();
}

void bind_arm(OptionTable& table, study::ArmOptions& arm, std::span<const task::Task> tasks) {
  for (const task::Task& task : tasks) {
    if (!task.pair_of.empty()) continue;
    task::PromptOptions& prompt = arm.prompts[task.name] = task.prompt;
    table.section(task.name);
    bind_prompt(table, task, prompt);
    if (is_written(task)) {
      bind(table, arm.sampling[task.name]);
    } else {
      refuse_sampling(table);
    }
  }
  table.section("");
  bind(table, arm.limit);
  bind(table, arm.decoding);
  table.section("train");
  bind(table, arm.train);
  bind(table, arm.lora);
}

void bind_own(OptionTable& table, study::ArmOptions& arm) {
  table.add("model", &arm.model.model, "Model folder of this arm, where it is not the study's")
      .local()
      .placeholder("DIR");
  add_quantization(table, arm.model);
  table
      .add("adapter", &arm.adapter,
           "PEFT adapter folder, applied as it is; such an arm trains none")
      .local()
      .placeholder("DIR");
  table
      .add("init_adapter", &arm.init_adapter,
           "PEFT adapter that the training starts from; rank, alpha and targets are its own")
      .local()
      .placeholder("DIR");
}

void bind_study(OptionTable& table, study::StudyOptions& options,
                std::span<const task::Task> tasks) {
  for (const task::Task& task : tasks) {
    options.known[task.name] = {task, task.source, task.draw, {}};
    if (task.by_default) options.tasks.push_back(task.name);
  }
  table.section("study");
  table.add("name", &options.name, "What the study is called");
  table.add("seeds", &options.seeds, "Replicate seeds, such as 1,2,3").required();
  table.add("data_seed", &options.data_seed, "Seed of the draws of questions");
  table.add_choice("tasks", &options.tasks, config::nameable(tasks),
                   "What is asked; each task has a section of its name, with the keys of its kind");
  table.add_choice("primary", &options.primary,
                   Names<results::Primary>{{"exec", results::Primary::exec},
                                           {"set", results::Primary::set},
                                           {"strict", results::Primary::strict}},
                   "The metric that accuracy means where queries are written");
  // [study] margin.TASK = 1
  table.section("margin");
  for (const task::Task& task : tasks) {
    table.add(
        task.name, &options.known.at(task.name).margin,
        fmt::format("A loss on {} that would not matter, such as \"1 point\"", task.words.title));
  }
  table.section("model");
  bind(table, options.model);
  bind(table, options.chat);
  for (const task::Task& task : tasks) {
    study::StudyTask& known = options.known.at(task.name);
    table.section(task.name);
    bind_source(table, task, known.source);
    if (task.kind == task::Kind::choice) bind_answer(table, known.task.answer);
    if (task.pair_of.empty()) bind_draw(table, task, known.draw);
  }
  table.section("");
  table
      .add("sql_timeout", &options.scoring.execute.timeout_s,
           "Wall-clock limit of one query, seconds")
      .above(0);
  table
      .add("sql_max_steps", &options.scoring.execute.max_steps,
           "Virtual-machine steps of one query")
      .at_least(1);
  table
      .add("sql_max_value", &options.scoring.execute.max_value_bytes,
           "Bytes of one value that a query may read or build")
      .at_least(1000);
  table.add("output_dir", &options.output_dir, "Folder of the study's results")
      .required()
      .local()
      .placeholder("DIR");
  table.add("overwrite", &options.overwrite, "Start anew in a folder that holds another study")
      .local();
  table.add("cell", &options.cell, "Compute this cell alone (see --list-cells)").local();
  table
      .add("rank_groups", &options.rank_groups,
           "Cut the ranks into so many groups that compute different cells at the same time")
      .local()
      .at_least(1);
}

}  // namespace tradeoff::app
