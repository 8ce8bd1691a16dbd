#include "tradeoff/train/options.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string>

#include "tradeoff/base/error.hpp"

namespace tradeoff::train {
namespace {

void expect(bool ok, const char* name, auto found, const char* expected) {
  if (!ok) fail(fmt::format("{}: found {}, expected {}", name, found, expected));
}

}  // namespace

std::string_view name_of(Recompute policy) {
  static constexpr std::array<std::string_view, 6> kNames = {"auto", "none",  "activation",
                                                             "mlp",  "layer", "offload"};
  return kNames[static_cast<std::size_t>(policy)];
}

void check_options(const TrainOptions& o) {
  expect(o.max_steps >= 0, "max_steps", o.max_steps, "0 or more");
  expect(o.max_steps > 0 || (std::isfinite(o.num_train_epochs) && o.num_train_epochs > 0),
         "num_train_epochs", o.num_train_epochs, "a number above 0");
  expect(std::isfinite(o.learning_rate) && o.learning_rate >= 0, "learning_rate", o.learning_rate,
         "0 or more");
  expect(o.warmup_ratio >= 0 && o.warmup_ratio <= 1, "warmup_ratio", o.warmup_ratio,
         "a number from 0 to 1");
  expect(o.warmup_steps >= 0, "warmup_steps", o.warmup_steps, "0 or more");
  expect(o.weight_decay >= 0, "weight_decay", o.weight_decay, "0 or more");
  expect(o.adam_beta1 >= 0 && o.adam_beta1 < 1, "adam_beta1", o.adam_beta1, "0 to below 1");
  expect(o.adam_beta2 >= 0 && o.adam_beta2 < 1, "adam_beta2", o.adam_beta2, "0 to below 1");
  expect(o.adam_epsilon > 0, "adam_epsilon", o.adam_epsilon, "a number above 0");
  expect(o.max_grad_norm >= 0, "max_grad_norm", o.max_grad_norm, "0 (no clipping) or more");
  expect(o.max_seq_length >= 0, "max_seq_length", o.max_seq_length, "0 or more");
  expect(o.micro_batch_tokens > 0, "micro_batch_tokens", o.micro_batch_tokens, "1 or more");
  expect(o.min_passes > 0, "min_passes", o.min_passes, "1 or more");
  expect(std::isfinite(o.memory_limit_gib) && o.memory_limit_gib >= 0, "memory_limit_gib",
         o.memory_limit_gib, "0 or more");
  expect(o.save_steps.value_or(0) >= 0, "save_steps", o.save_steps.value_or(0), "0 or more");
  expect(o.stop_after_steps >= 0, "stop_after_steps", o.stop_after_steps, "0 or more");
  global_batch_size(o, 1);
}

std::int64_t global_batch_size(const TrainOptions& o, int ranks) {
  const std::array given = {
      std::pair{"train_batch_size", o.train_batch_size},
      std::pair{"per_device_train_batch_size", o.per_device_train_batch_size},
      std::pair{"gradient_accumulation_steps", o.gradient_accumulation_steps}};
  for (const auto& [name, value] : given) {
    if (value) expect(*value >= 1, name, *value, "1 or more");
  }
  if (!o.per_device_train_batch_size && !o.gradient_accumulation_steps) {
    return o.train_batch_size.value_or(4);
  }
  const std::int64_t product =
      o.per_device_train_batch_size.value_or(1) * o.gradient_accumulation_steps.value_or(1);
  check(!o.train_batch_size,
        "train_batch_size is the whole step's; give either it or per_device_train_batch_size and "
        "gradient_accumulation_steps");
  return product * ranks;
}

Json record(const TrainOptions& o, std::int64_t batch_size) {
  static constexpr std::array kSchedules = {"constant", "constant_with_warmup", "linear", "cosine"};
  return {{"max_steps", o.max_steps},
          {"num_train_epochs", o.num_train_epochs},
          {"train_batch_size", batch_size},
          {"learning_rate", o.learning_rate},
          {"lr_scheduler_type", kSchedules[static_cast<std::size_t>(o.lr_scheduler_type)]},
          {"warmup_ratio", o.warmup_ratio},
          {"warmup_steps", o.warmup_steps},
          {"weight_decay", o.weight_decay},
          {"adam_beta1", o.adam_beta1},
          {"adam_beta2", o.adam_beta2},
          {"adam_epsilon", o.adam_epsilon},
          {"max_grad_norm", o.max_grad_norm},
          {"max_seq_length", o.max_seq_length},
          {"overlong", o.overlong == Overlong::error ? "error" : "skip"},
          {"packing", o.packing},
          {"micro_batch_tokens", o.micro_batch_tokens},
          {"min_passes", o.min_passes},
          {"share_prefix", o.share_prefix},
          {"train_on_prompt", o.train_on_prompt},
          {"shuffle", o.shuffle},
          {"deterministic", o.deterministic},
          {"seed", o.seed}};
}

}  // namespace tradeoff::train
