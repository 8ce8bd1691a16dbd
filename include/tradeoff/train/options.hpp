#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "tradeoff/base/json.hpp"

namespace tradeoff::train {

/// Learning rate over the steps, as transformers' schedules of these names.
enum class Schedule { constant, constant_with_warmup, linear, cosine };
/// What becomes of a sample longer than max_seq_length. Nothing is ever cut.
enum class Overlong {
  error,  // the run does not start
  skip,   // the sample is left out, counted and named
};
/// What the forward pass keeps for the backward pass. The results do not depend on it.
enum class Recompute {
  automatic,   // the first of the others that fits the memory
  none,        // everything is kept
  activation,  // activation(gate) * up is computed again of gate and up: no product; CUDA
  mlp,         // the gated pair, the widest activation, is computed again
  layer,       // only each layer's input is kept
  offload,     // what mlp keeps waits in the host's memory; CUDA
};

/// "none", "activation", ...
std::string_view name_of(Recompute policy);

/// One fine-tuning run, under transformers' names and meanings (TrainingArguments).
struct TrainOptions {
  // Optimizer steps; above 0 it wins over num_train_epochs.
  std::int64_t max_steps = 0;
  // Passes over the data; the last batch of an epoch may be smaller.
  double num_train_epochs = 1;
  // Samples of an optimizer step over all ranks. Unset: 4, or the product of the two below.
  std::optional<std::int64_t> train_batch_size;
  // Samples of a rank's forward pass, and passes a step: with them a step has this product times
  // the ranks.
  std::optional<std::int64_t> per_device_train_batch_size, gradient_accumulation_steps;
  double learning_rate = 2e-4;
  Schedule lr_scheduler_type = Schedule::linear;
  // Steps of rising learning rate: a share of all steps, or their number, which wins.
  double warmup_ratio = 0;
  std::int64_t warmup_steps = 0;
  // AdamW (Loshchilov & Hutter 2019), torch.optim.AdamW's names and defaults.
  double weight_decay = 0, adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8;
  // Longest gradient (2-norm over all parameters); longer ones are scaled down. 0: none.
  double max_grad_norm = 1;
  // Tokens of a sample, prompt, completion and end token. 0: as many as the model has positions.
  std::int64_t max_seq_length = 0;
  Overlong overlong = Overlong::error;
  // Samples of a step share forward passes of at most micro_batch_tokens tokens; attention stays
  // inside each sample. Off: one sample a pass.
  bool packing = true;
  std::int64_t micro_batch_tokens = 1536;
  // A packed step is cut into at least so many passes, so that as many ranks have work; each
  // computes a shared prefix anew. Not the number of ranks: it decides bits.
  std::int64_t min_passes = 2;
  // Samples packed together compute a prefix that they share once. The gradient is the same; with
  // dropout they share its draw.
  bool share_prefix = true;
  // Loss also on the prompt's tokens.
  bool train_on_prompt = false;
  // Off: the file's order, in every epoch.
  bool shuffle = true;
  // Gradients are summed along a fixed tree over the micro-batches: equal bits for any number of
  // ranks.
  bool deterministic = false;
  Recompute recompute = Recompute::automatic;
  // Of a GPU, in GiB, what training may fill, weights included. 0: nine tenths of the GPU.
  double memory_limit_gib = 0;
  // A checkpoint every so many steps; 0: none but at a stop. Unset: as often as takes less than 2 %
  // of the time, by the clock. They are removed once the adapter is complete.
  std::optional<std::int64_t> save_steps;
  // Ends after this step; the schedule stays that of the whole run. 0: does not.
  std::int64_t stop_after_steps = 0;
  // Of LoRA's start, data order and dropout, each its own stream.
  std::uint64_t seed = 0;
};

/// Throws Error naming the option, what was found and what was expected.
void check_options(const TrainOptions& options);

/// Samples of a step on this many ranks. Throws Error where train_batch_size and the product
/// contradict each other.
std::int64_t global_batch_size(const TrainOptions& options, int ranks);

/// What decides the result: the options without those that say only when to save or stop.
Json record(const TrainOptions& options, std::int64_t batch_size);

}  // namespace tradeoff::train
