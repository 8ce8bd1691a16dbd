#pragma once
#include "tradeoff/config/bind_task.hpp"
#include "tradeoff/model/import.hpp"
#include "tradeoff/study/options.hpp"
#include "tradeoff/study/predict.hpp"

/// The names of the modules' option structs, one function for each struct; a command's table, or a
/// section of a job file, is made of these.
namespace tradeoff::config {

/// model, device, dtype, threads.
void bind(Table& table, study::ModelOptions& options);
/// max_new_tokens, stop, chunk_size.
void bind(Table& table, study::DecodingOptions& options);
/// All of `predict` and `import`.
void bind(Table& table, study::PredictOptions& options);
void bind(Table& table, model::ImportOptions& options);
/// What an arm of a job file may change: sections [spider] and [mmlu], prompt limit and decoding.
void bind_arm(Table& table, study::ArmOptions& arm);
/// What all arms of a study share: [study], [model], data and draws, where results go.
void bind_study(Table& table, study::StudyOptions& options);

}  // namespace tradeoff::config
