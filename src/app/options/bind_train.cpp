#include "options/bind.hpp"

namespace tradeoff::app {

using config::Names, config::OptionTable;

void bind(OptionTable& table, train::TrainOptions& options) {
  using train::Overlong, train::Recompute, train::Schedule;
  table
      .add("max_steps", &options.max_steps,
           "Optimizer steps; above 0 it wins over num_train_epochs")
      .at_least(0);
  table.add("num_train_epochs", &options.num_train_epochs, "Passes over the data", {"num_epochs"})
      .above(0);
  table
      .add("train_batch_size", &options.train_batch_size,
           "Samples of a step, over all ranks together; 4 where it is left out",
           {"global_batch_size"})
      .at_least(1);
  table
      .add(
          "per_device_train_batch_size", &options.per_device_train_batch_size,
          "Samples of one pass of one rank; times gradient_accumulation_steps and ranks the step's",
          {"micro_batch_size"})
      .at_least(1);
  table
      .add("gradient_accumulation_steps", &options.gradient_accumulation_steps,
           "Passes that each rank makes in a step")
      .at_least(1);
  table.add("learning_rate", &options.learning_rate, "Peak learning rate", {"lr"}).at_least(0);
  table.add_choice("lr_scheduler_type", &options.lr_scheduler_type,
                   Names<Schedule>{{"constant", Schedule::constant},
                                   {"constant_with_warmup", Schedule::constant_with_warmup},
                                   {"linear", Schedule::linear},
                                   {"cosine", Schedule::cosine}},
                   "How the learning rate goes on after its warm-up", {"lr_scheduler"});
  table
      .add("warmup_ratio", &options.warmup_ratio,
           "Share of the steps in which the learning rate rises")
      .at_least(0)
      .at_most(1);
  table
      .add("warmup_steps", &options.warmup_steps,
           "Steps in which the learning rate rises; above 0 it wins over warmup_ratio")
      .at_least(0);
  table.add("weight_decay", &options.weight_decay, "AdamW's weight decay").at_least(0);
  table.add("adam_beta1", &options.adam_beta1, "AdamW's first decay").at_least(0);
  table.add("adam_beta2", &options.adam_beta2, "AdamW's second decay").at_least(0);
  table.add("adam_epsilon", &options.adam_epsilon, "AdamW's epsilon").above(0);
  table
      .add("max_grad_norm", &options.max_grad_norm,
           "Largest norm of a gradient; a larger one is scaled down to it; 0: no clipping")
      .at_least(0);
  table
      .add("max_seq_length", &options.max_seq_length,
           "Most tokens of a sample with its completion; 0: the model's positions",
           {"max_length", "cutoff_len", "sequence_len"})
      .at_least(0);
  table.add_choice("overlong", &options.overlong,
                   Names<Overlong>{{"error", Overlong::error}, {"skip", Overlong::skip}},
                   "What becomes of a longer sample; nothing is ever cut");
  table.add("packing", &options.packing, "Lay several samples of a step into one pass of the model",
            {"sample_packing"});
  table
      .add("micro_batch_tokens", &options.micro_batch_tokens,
           "Most tokens of one pass of the model")
      .at_least(1);
  table
      .add("min_passes", &options.min_passes,
           "Passes that a packed step has at least, so that ranks can share them; 1 is fastest for "
           "one "
           "process")
      .at_least(1);
  table.add("share_prefix", &options.share_prefix,
            "Compute a prefix that packed samples share once");
  table.add("train_on_prompt", &options.train_on_prompt,
            "Count the loss on the prompt's tokens too", {"train_on_inputs"});
  table.add_flag("no_shuffle", &options.shuffle, false, true,
                 "Take the samples in the file's order, in every epoch");
  table.add("deterministic", &options.deterministic,
            "Sum gradients along a fixed tree: equal bits for any number of ranks");
  table
      .add_choice("recompute", &options.recompute,
                  Names<Recompute>{{"auto", Recompute::automatic},
                                   {"none", Recompute::none},
                                   {"activation", Recompute::activation},
                                   {"mlp", Recompute::mlp},
                                   {"layer", Recompute::layer},
                                   {"offload", Recompute::offload}},
                  "What the backward pass computes again instead of keeping it; offload: kept in "
                  "the host's memory. No result depends on it")
      .local();
  table
      .add("memory_limit_gib", &options.memory_limit_gib,
           "GiB of the GPU that training may fill, weights included; 0: 90 % of it")
      .local()
      .at_least(0);
  table
      .add("save_steps", &options.save_steps,
           "A checkpoint every so many steps; 0: only at a stop. Left out: as often as takes less "
           "than 2 % of the time. They go once the adapter is complete")
      .local()
      .at_least(0);
}

void bind(OptionTable& table, lora::LoraOptions& options) {
  table.add("lora_r", &options.lora_r, "LoRA's rank r", {"lora_rank", "r"}).at_least(1);
  table
      .add("lora_alpha", &options.lora_alpha,
           "LoRA's alpha: the update is scaled by lora_alpha / lora_r")
      .above(0);
  table.add("lora_dropout", &options.lora_dropout, "Share of the update's inputs that is dropped")
      .at_least(0);
  table
      .add("target_modules", &options.target_modules,
           "Which linear layers get an update (q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, "
           "down_proj; qkv_proj and gate_up_proj where a family fuses them), or all-linear",
           {"lora_target_modules"})
      .commas();
}

void bind(OptionTable& table, study::TrainFileOptions& options) {
  bind(table, options.model);
  table
      .add("train", &options.train,
           "Rows, JSONL: {\"id\", \"prompt\" or \"prompt_ids\", \"completion\"}", {"input"})
      .required()
      .local()
      .placeholder("F.jsonl");
  table
      .add("out", &options.out, "Folder of the adapter, train.jsonl and checkpoints",
           {"output_dir"})
      .required()
      .local()
      .placeholder("DIR");
  table.add("limit", &options.limit, "The first so many rows; 0: all").at_least(0);
  bind(table, options.options);
  bind(table, options.lora);
  table
      .add("init_adapter", &options.init_adapter,
           "PEFT adapter to start from; rank, alpha and targets are its own")
      .local()
      .placeholder("DIR");
  table.add("seed", &options.options.seed, "Seed of LoRA's start, the data's order and dropout");
  table
      .add("stop_after_steps", &options.options.stop_after_steps,
           "End after this step; the schedule stays that of the whole run")
      .local()
      .at_least(0);
  table
      .add("resume", &options.resume, "Go on from the newest checkpoint in --out",
           {"resume_from_checkpoint"})
      .local();
}

}  // namespace tradeoff::app
