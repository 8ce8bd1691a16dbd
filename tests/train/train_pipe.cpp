// What the Python oracles of training talk to. A job is JSON: "model", "samples" (JSONL of id, ids,
// first_supervised), "out", "init_adapter", "dtype", "quantization", "resume", and options under
// their names.
// clang-format off
//   train_pipe train JOB.json                       a whole training
//   train_pipe gradient JOB.json OUT.safetensors    loss and gradient of the first step, by PEFT's names of the matrices
//   train_pipe stop JOB.json                        "stops" where a signal within the first step, to the last rank, does
//   train_pipe schedule JOB.json STEPS              the learning rate of each step, a line each
//   train_pipe adamw JOB.json IN OUT.safetensors    updates of IN's "parameters" by its "gradients" [steps, n]
//   train_pipe serve                                many of these in one process: serve.hpp
// clang-format on
#include <ATen/ops/from_blob.h>
#include <ATen/record_function.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "serve.hpp"
#include "step.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/comm/signals.hpp"
#include "tradeoff/lora/peft.hpp"
#include "tradeoff/lora/peft_config.hpp"
#include "tradeoff/model/device.hpp"
#include "tradeoff/model/safetensors.hpp"
#include "tradeoff/train/adamw.hpp"
#include "tradeoff/train/schedule.hpp"
#include "tradeoff/train/trainer.hpp"

namespace {

using namespace tradeoff;
using Words = std::vector<std::string>;

train::TrainOptions options_of(const Json& job) {
  train::TrainOptions o;
  const auto name = field_or<std::string>(job, "lr_scheduler_type", "linear");
  o.lr_scheduler_type = name == "constant"               ? train::Schedule::constant
                        : name == "constant_with_warmup" ? train::Schedule::constant_with_warmup
                        : name == "cosine"               ? train::Schedule::cosine
                                                         : train::Schedule::linear;
  const auto recompute = field_or<std::string>(job, "recompute", "auto");
  o.recompute = recompute == "none"      ? train::Recompute::none
                : recompute == "mlp"     ? train::Recompute::mlp
                : recompute == "layer"   ? train::Recompute::layer
                : recompute == "offload" ? train::Recompute::offload
                                         : train::Recompute::automatic;
  const auto take = [&](const char* key, auto& to) { to = field_or(job, key, to); };
  take("max_steps", o.max_steps);
  take("num_train_epochs", o.num_train_epochs);
  o.train_batch_size = field_or<std::int64_t>(job, "train_batch_size", 4);
  take("learning_rate", o.learning_rate);
  take("warmup_ratio", o.warmup_ratio);
  take("warmup_steps", o.warmup_steps);
  take("weight_decay", o.weight_decay);
  take("max_grad_norm", o.max_grad_norm);
  take("packing", o.packing);
  take("micro_batch_tokens", o.micro_batch_tokens);
  take("min_passes", o.min_passes);
  take("share_prefix", o.share_prefix);
  take("shuffle", o.shuffle);
  take("deterministic", o.deterministic);
  o.save_steps = field_or<std::int64_t>(job, "save_steps", 0);
  take("stop_after_steps", o.stop_after_steps);
  take("seed", o.seed);
  return o;
}

train::SampleSet samples_of(const Json& job) {
  train::SampleSet set;
  const auto file = field<std::string>(job, "samples");
  for_each_json_line(file, [&](Json& row, std::size_t) {
    train::Sample sample{field<std::string>(row, "id"),
                         field<std::vector<text::TokenId>>(row, "ids"),
                         field<std::int64_t>(row, "first_supervised")};
    set.tokens += static_cast<std::int64_t>(sample.ids.size());
    set.longest = std::max(set.longest, static_cast<std::int64_t>(sample.ids.size()));
    set.samples.push_back(std::move(sample));
  });
  set.sha256 = file;
  return set;
}

model::Decoder load(const Json& job) {
  model::LoadOptions options;
  const auto dtype = field_or<std::string>(job, "dtype", "float32");
  options.dtype = dtype == "bfloat16" ? c10::ScalarType::BFloat16 : c10::ScalarType::Float;
  if (field_or<std::string>(job, "quantization", "none") == "nf4") {
    options.quantization = model::Quantization::nf4;
  }
  const auto residency = field_or<std::string>(job, "nf4_residency", "auto");
  if (field_or<std::string>(job, "device", "cpu") == "cuda")
    options.device = c10::Device(c10::kCUDA, 0);
  if (residency == "packed") options.nf4_residency = model::Nf4Residency::packed;
  return {field<std::string>(job, "model"), options};
}

train::TrainJob train_job(const Json& job) {
  train::TrainJob made;
  made.options = options_of(job);
  made.base_model = field<std::string>(job, "model");
  made.init_adapter = field_or<std::string>(job, "init_adapter", "");
  if (!made.init_adapter.empty())
    made.lora = lora::read_peft_options(
        made.init_adapter,
        model::read_config(std::filesystem::path(made.base_model) / "config.json"));
  made.lora.lora_dropout = field_or(job, "lora_dropout", 0.0);
  made.output_dir = field_or<std::string>(job, "out", "");
  made.resume = field_or(job, "resume", false);
  return made;
}

void write_tensors(const std::string& path,
                   const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  std::vector<model::TensorSpec> specs;
  for (const auto& [name, tensor] : tensors) {
    specs.push_back({name, model::Dtype::f32, tensor.sizes().vec()});
  }
  model::write_safetensors(path, specs, [&](std::size_t i) {
    return std::span(static_cast<const std::byte*>(tensors[i].second.const_data_ptr()),
                     specs[i].bytes());
  });
}

int run_train(const comm::Session& session, const Json& job) {
  const comm::StopSignals signals;
  const train::SampleSet samples = samples_of(job);
  model::Decoder decoder = load(job);
  return train::train(session, decoder, samples, train_job(job)).complete ? 0 : comm::kRunAgain;
}

// What a first step needs.
struct FirstStep {
  train::SampleSet samples;
  model::Decoder decoder;
  train::TrainJob made;
  lora::Adapter adapter;
  train::GradientStep step;
  train::BatchPlan plan;

  FirstStep(const comm::Session& session, const Json& job)
      : samples(samples_of(job)),
        decoder(load(job)),
        made(train_job(job)),
        adapter(lora::read_peft(made.init_adapter, decoder.config())),
        step(session, with_adapter(), made.lora, made.options, made.options.recompute),
        plan(static_cast<std::int64_t>(samples.samples.size()),
             train::global_batch_size(made.options, session.size()), made.options.seed,
             made.options.shuffle) {}
  train::StepSums run() { return step.run(samples, plan.step(0)); }

 private:
  model::Decoder& with_adapter() {
    decoder.prepare_backward();
    decoder.set_adapter(&adapter.weights);
    return decoder;
  }
};

// Called before each operation on tensors.
std::unique_ptr<at::ObserverContext> signal_once(const at::RecordFunction&) {
  static bool signalled = false;
  if (!std::exchange(signalled, true)) std::raise(SIGTERM);
  return nullptr;
}

void run_stop(const comm::Session& session, const Json& job) {
  const c10::InferenceMode inference;
  const comm::StopSignals signals;
  FirstStep first(session, job);
  if (session.rank() == session.size() - 1)
    at::addThreadLocalCallback(at::RecordFunctionCallback(signal_once));
  const train::StepSums sums = first.run();
  check(sums.stop, fmt::format("rank {} goes on", session.rank()));
  if (session.rank() == 0) fmt::print("stops\n");
}

void run_gradient(const comm::Session& session, const Json& job, const std::string& out) {
  const c10::InferenceMode inference;
  FirstStep first(session, job);
  const train::StepSums sums = first.run();
  if (session.rank() != 0) return;
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  const auto grads = lora::views_of(first.step.gradient(), first.decoder.config(), first.made.lora);
  for (std::size_t layer = 0; layer < grads.layers.size(); ++layer) {
    for (const model::Projection projection : model::kProjections) {
      const auto& update = grads.layers[layer][static_cast<std::size_t>(projection)];
      if (!update.a.defined()) continue;
      const std::string name = model::module_name(static_cast<std::int64_t>(layer), projection);
      tensors.emplace_back(name + ".lora_A", update.a.cpu().contiguous());
      tensors.emplace_back(name + ".lora_B", update.b.cpu().contiguous());
    }
  }
  write_tensors(out, tensors);
  fmt::print("{:.9g}\n", sums.loss);
}

void run_adamw(const Json& job, const std::string& in, const std::string& out) {
  const c10::InferenceMode inference;
  const model::SafetensorsFile file(in);
  at::Tensor parameters, gradients;
  for (const auto& tensor : file.tensors()) {
    const at::Tensor view = at::from_blob(const_cast<std::byte*>(tensor.bytes.data()), tensor.shape,
                                          at::TensorOptions(c10::ScalarType::Float));
    (tensor.name == "parameters" ? parameters : gradients) = view.clone();
  }
  const train::TrainOptions options = options_of(job);
  train::AdamW optimizer(parameters, options);
  std::vector<double> norms;
  for (std::int64_t i = 0; i < gradients.size(0); ++i) {
    const at::Tensor gradient = gradients.select(0, i).clone();
    norms.push_back(train::clip_gradient(gradient, options.max_grad_norm));
    optimizer.step(gradient, train::learning_rate(options, options.max_steps, i));
  }
  write_tensors(out, {{"parameters", parameters},
                      {"exp_avg", optimizer.exp_avg()},
                      {"exp_avg_sq", optimizer.exp_avg_sq()}});
  for (const double norm : norms) fmt::print("{:.9g}\n", norm);
}

int run(const comm::Session& session, const Words& words) {
  const Json job = read_json(words.at(1));
  model::set_threads(field_or(job, "threads", 1), session.local_size());
  if (words.at(0) == "train") return run_train(session, job);
  if (words.at(0) == "stop") {
    run_stop(session, job);
  } else if (words.at(0) == "gradient") {
    run_gradient(session, job, words.at(2));
  } else if (words.at(0) == "adamw") {
    run_adamw(job, words.at(2), words.at(3));
  } else if (words.at(0) == "schedule") {
    const train::TrainOptions options = options_of(job);
    for (int i = 0; i < std::stoi(words.at(2)); ++i) {
      fmt::print("{:.17g}\n", train::learning_rate(options, options.max_steps, i));
    }
  } else {
    fail("unknown command " + words.at(0));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const comm::Session session;
    try {
      const Words words(argv + 1, argv + argc);
      if (words == Words{"serve"}) return serve([&](const Words& w) { return run(session, w); });
      return run(session, words);
    } catch (const std::exception& error) {
      if (session.size() > 1) session.abort(1, error.what());
      throw;
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
