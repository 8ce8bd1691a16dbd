#pragma once
#include <span>

#include "tradeoff/config/bind_task.hpp"
#include "tradeoff/model/import.hpp"
#include "tradeoff/study/options.hpp"
#include "tradeoff/study/predict.hpp"
#include "tradeoff/study/train_file.hpp"

/// The names of the option structs of model, lora, train and study; those of earlier modules are
/// config's.
namespace tradeoff::app {

/// model, device, dtype, quantization, nf4_residency, threads.
void bind(config::OptionTable& table, study::ModelOptions& options);
/// max_new_tokens, stop, chunk_size.
void bind(config::OptionTable& table, study::DecodingOptions& options);
/// temperature, top_p, top_k, samples, sample_seed. In a job each task whose answers are written
/// has its own, and a key without a section sets them all.
void bind(config::OptionTable& table, study::SamplingOptions& options);
/// What is wrong with them together; `where` names what they are of.
void check_sampling(const study::SamplingOptions& options, const std::string& where,
                    config::Problems& problems);
/// All of `predict` and `import`.
void bind(config::OptionTable& table, study::PredictOptions& options);
void bind(config::OptionTable& table, model::ImportOptions& options);
/// answer, of a task of kind choice.
void bind_answer(config::OptionTable& table, task::Answer& answer);
/// What decides a training, under transformers' names: all but the seed, which an arm gets from
/// its replicate, and stop_after_steps.
void bind(config::OptionTable& table, train::TrainOptions& options);
/// lora_r, lora_alpha, lora_dropout, target_modules.
void bind(config::OptionTable& table, lora::LoraOptions& options);
/// All of `train`.
void bind(config::OptionTable& table, study::TrainFileOptions& options);
/// What an arm of a job file may change: a section a task, [train], prompt limit and decoding.
/// Gives the arm each task's own prompts first.
void bind_arm(config::OptionTable& table, study::ArmOptions& arm,
              std::span<const task::Task> tasks);
/// What an arm says for itself alone: model, quantization, adapter, init_adapter. The command
/// line's --model and --quantization are the study's.
void bind_own(config::OptionTable& table, study::ArmOptions& arm);
/// What all arms of a study share: [study], [model], data and draws of the tasks, where results go.
/// Gives the study each task's own data and draw first.
void bind_study(config::OptionTable& table, study::StudyOptions& options,
                std::span<const task::Task> tasks);

}  // namespace tradeoff::app
