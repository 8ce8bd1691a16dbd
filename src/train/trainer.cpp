#include "tradeoff/train/trainer.hpp"

#include <c10/core/InferenceMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "run_folder.hpp"
#include "save_clock.hpp"
#include "step.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/base/out_of_memory.hpp"
#include "tradeoff/base/progress.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/lora/peft.hpp"
#include "tradeoff/model/device.hpp"
#include "tradeoff/store/curve.hpp"
#include "tradeoff/store/difference.hpp"
#include "tradeoff/store/journal.hpp"
#include "tradeoff/train/adamw.hpp"
#include "tradeoff/train/checkpoint.hpp"
#include "tradeoff/train/schedule.hpp"

namespace tradeoff::train {
namespace {

namespace fs = std::filesystem;

Json lora_record(const lora::LoraOptions& lora) {
  Json record = {{"lora_r", lora.lora_r},
                 {"lora_alpha", lora.lora_alpha},
                 {"lora_dropout", lora.lora_dropout},
                 {"target_modules", lora.target_modules}};
  if (lora.use_rslora) record["use_rslora"] = true;
  return record;
}

lora::Adapter starting_adapter(const TrainJob& job, const model::DecoderConfig& config) {
  if (job.init_adapter.empty()) {
    lora::Adapter adapter = lora::make_adapter(config, job.lora);
    lora::initialise(adapter, job.options.seed);
    return adapter;
  }
  lora::Adapter adapter = lora::read_peft(job.init_adapter, config);
  check(lora::is_alike(adapter), job.init_adapter.string() +
                                     ": the adapter's modules differ in rank, scaling or layer; "
                                     "expected for training: all alike");
  adapter.options.lora_dropout = job.lora.lora_dropout;
  const auto contrary = store::differences(lora_record(adapter.options), lora_record(job.lora));
  check(contrary.empty(), fmt::format("{}: the adapter is another than the options say: {}",
                                      job.init_adapter.string(), fmt::join(contrary, "; ")));
  return adapter;
}

class Trainer {
 public:
  Trainer(const comm::Session& session, model::Decoder& decoder, const SampleSet& samples,
          const TrainJob& job)
      : session_(session),
        decoder_(decoder),
        samples_(samples),
        job_(job),
        batch_size_(global_batch_size(job.options, session.size())),
        total_(total_steps(job.options, static_cast<std::int64_t>(samples.samples.size()),
                           batch_size_)),
        adapter_(starting_adapter(job, decoder.config())) {
    record_ = {{"train", record(job.options, batch_size_)},
               {"lora", lora_record(job.lora)},
               {"init_adapter_sha256", job.init_adapter.empty() ? Json(nullptr) : init_hash()},
               {"samples", samples.samples.size()},
               {"samples_sha256", samples.sha256},
               {"model", job.model_identity}};
    comm::agree(session, "the training's configuration and data", to_line(record_));
  }

  TrainResult run() {
    const c10::InferenceMode inference;
    RunFolder folder(session_, job_.output_dir, record_, job_.lock);
    if (const auto ended = job_.resume ? folder.ended() : std::nullopt) return reuse(*ended);
    const std::optional<TrainCheckpoint> found =
        folder.open(decoder_.config(), job_.resume, total_);
    TrainResult result;
    result.all_steps = total_;
    AdamW optimizer = begin(found, result);
    std::optional<store::CurveWriter> curve;
    store::Start start;
    if (session_.rank() == 0) {
      start = store::new_start(session_.size());
      curve.emplace(job_.output_dir, found ? found->curve : std::vector<store::CurveRow>());
    }

    decoder_.prepare_backward();
    GradientStep step(session_, decoder_, job_.lora, job_.options, pick_policy());
    BatchPlan plan(static_cast<std::int64_t>(samples_.samples.size()), batch_size_,
                   job_.options.seed, job_.options.shuffle);
    const std::int64_t last = job_.options.stop_after_steps > 0
                                  ? std::min(total_, job_.options.stop_after_steps)
                                  : total_;
    std::optional<Progress> progress;
    if (session_.rank() == 0) {
      progress.emplace("train", static_cast<std::uint64_t>(last), "steps",
                       static_cast<std::uint64_t>(result.steps));
    }
    const Stopwatch since_start;
    // Adapter and both moments.
    SaveClock saves(job_.options.save_steps, 3 * adapter_.parameters.nbytes());
    bool stop = false;
    while (result.steps < last && !stop) {
      const auto [row, asked] = take_step(step, optimizer, plan.step(result.steps), result, start);
      if (curve) curve->add(row);
      if (progress) {
        progress->update(static_cast<std::uint64_t>(result.steps),
                         fmt::format("loss {:.4f}, {:.0f} tokens/s", row.loss, row.tokens_per_s()));
      }
      stop = asked && result.steps < total_;
      if (result.steps < total_ &&
          (stop || result.steps == last || saves.due(result.steps, since_start.seconds()))) {
        const double begin_s = since_start.seconds();
        save(optimizer, result, curve);
        saves.saved(begin_s, since_start.seconds());
      }
    }
    progress.reset();
    decoder_.set_adapter(&adapter_.weights);
    result.complete = !stop;
    if (result.complete && session_.rank() == 0) {
      lora::write_peft(job_.output_dir, adapter_, job_.base_model);
      curve->sync();
      if (result.steps == total_) folder.complete(result, curve->rows());
    }
    comm::barrier(session_);
    return result;
  }

 private:
  // Puts the adapter where the model is, and all to where `found` was saved.
  AdamW begin(const std::optional<TrainCheckpoint>& found, TrainResult& result) {
    if (!decoder_.device().is_cpu()) {
      adapter_.parameters = adapter_.parameters.to(decoder_.device());
      adapter_.weights = lora::views_of(adapter_.parameters, decoder_.config(), job_.lora);
    }
    AdamW optimizer(adapter_.parameters, job_.options);
    if (found) {
      adapter_.parameters.copy_(found->parameters);
      optimizer.restore(found->step, found->exp_avg, found->exp_avg_sq);
      result.steps = found->step;
      result.loss = field<double>(found->state, "loss");
    }
    return optimizer;
  }

  struct TakenStep {
    store::CurveRow row;
    bool asked_to_stop;  // a signal came to any rank
  };
  // The step behind `result`, which it moves on.
  TakenStep take_step(GradientStep& step, AdamW& optimizer, const std::vector<Draw>& draws,
                      TrainResult& result, const store::Start& start) {
    const Stopwatch clock;
    const std::int64_t index = result.steps;
    session_.at(fmt::format("training, step {} of {}", index + 1, total_));
    decoder_.set_adapter(&adapter_.weights);
    const StepSums sums = step.run(samples_, draws);
    const double learning_rate = train::learning_rate(job_.options, total_, index);
    refuse_broken(index + 1, sums.broken, "loss");
    const double norm = clip_gradient(step.gradient(), job_.options.max_grad_norm);
    if (!std::isfinite(norm)) refuse_broken(index + 1, ids_of(draws), "gradient");
    optimizer.step(step.gradient(), learning_rate);
    result.steps = index + 1;
    result.loss = sums.loss;
    const store::CurveRow row{
        result.steps, epoch_after(result.steps), sums.loss,       learning_rate, norm,
        sums.tokens,  sums.supervised,           clock.seconds(), start.id,      start.ranks};
    return {row, sums.stop};
  }

  // What was trained before, by this same training.
  TrainResult reuse(const TrainResult& ended) {
    if (session_.rank() == 0)
      log::info("{}: the training has ended already", job_.output_dir.string());
    adapter_ = lora::read_peft(job_.output_dir, decoder_.config());
    decoder_.set_adapter(&adapter_.weights);
    comm::barrier(session_);
    return ended;
  }

  Json init_hash() const {
    // What decides the start, whatever the file's layout.
    Sha256 hash;
    hash.update({static_cast<const char*>(adapter_.parameters.const_data_ptr()),
                 static_cast<std::size_t>(adapter_.parameters.nbytes())});
    return hash.finish();
  }

  Recompute pick_policy() const {
    const c10::Device device = decoder_.device();
    const std::int64_t tokens =
        std::max(job_.options.packing ? job_.options.micro_batch_tokens : 0, samples_.longest);
    // What the ranks of a machine pin together leaves half of its memory.
    const std::int64_t host =
        model::memory_bytes(c10::Device(c10::kCPU)) / (2 * session_.local_size());
    std::int64_t memory = model::memory_bytes(device);
    if (device.is_cpu()) {
      memory /= 4 * session_.local_size();
    } else {
      const double limit = job_.options.memory_limit_gib > 0
                               ? job_.options.memory_limit_gib * static_cast<double>(1 << 30)
                               : 0.9 * static_cast<double>(memory);
      if (job_.options.memory_limit_gib > 0)
        model::limit_memory(device, static_cast<std::int64_t>(limit));
      memory = static_cast<std::int64_t>(limit) - model::allocated_bytes(device) -
               working_bytes(decoder_, tokens);
    }
    const Recompute policy =
        pick_recompute(decoder_, job_.lora, tokens, memory, host, job_.options.recompute);
    if (session_.rank() == 0) log::info("recompute: {}", name_of(policy));
    return policy;
  }

  double epoch_after(std::int64_t steps) const {
    const auto per_epoch =
        steps_per_epoch(static_cast<std::int64_t>(samples_.samples.size()), batch_size_);
    return static_cast<double>(steps) / static_cast<double>(per_epoch);
  }

  std::vector<std::string> ids_of(const std::vector<Draw>& draws) const {
    std::vector<std::string> ids;
    for (const Draw& draw : draws) {
      ids.push_back(samples_.samples[static_cast<std::size_t>(draw.sample)].id);
    }
    return ids;
  }

  void refuse_broken(std::int64_t step, const std::vector<std::string>& ids,
                     const char* what) const {
    if (ids.empty()) return;
    const auto steps = checkpoint_steps(job_.output_dir);
    fail(fmt::format("step {}: the {} is not finite; samples {}; {}", step, what,
                     fmt::join(ids, ", "),
                     steps.empty() ? std::string("no checkpoint had been saved (--save-steps)")
                                   : fmt::format("checkpoint-{} in {} is the last good one",
                                                 steps.back(), job_.output_dir.string())));
  }

  // `curve` is rank 0's; the others save nothing.
  void save(const AdamW& optimizer, const TrainResult& result,
            const std::optional<store::CurveWriter>& curve) const {
    if (!curve) return;
    TrainCheckpoint checkpoint;
    checkpoint.curve = curve->rows();
    checkpoint.step = result.steps;
    checkpoint.exp_avg = optimizer.exp_avg().cpu();
    checkpoint.exp_avg_sq = optimizer.exp_avg_sq().cpu();
    const auto size = static_cast<std::int64_t>(samples_.samples.size());
    const std::int64_t per_epoch = steps_per_epoch(size, batch_size_);
    // Data order and dropout are functions of seed, epoch, draw and position: these are the whole
    // state of their streams.
    checkpoint.state = {
        {"step", result.steps},
        {"total_steps", total_},
        {"loss", result.loss},
        {"next_epoch", result.steps / per_epoch},
        {"next_sample_of_epoch", result.steps % per_epoch * batch_size_},
        {"seed_streams", {{"seed", job_.options.seed}, {"streams", {"data_order", "dropout"}}}},
        {"next_learning_rate", learning_rate(job_.options, total_, result.steps)},
        {"world_size", session_.size()},
        {"record", record_}};
    save_checkpoint(job_.output_dir, checkpoint, adapter_, job_.base_model);
  }

  const comm::Session& session_;
  model::Decoder& decoder_;
  const SampleSet& samples_;
  const TrainJob& job_;
  std::int64_t batch_size_, total_;
  lora::Adapter adapter_;
  Json record_;
};

// A base's own dropout is not computed: said where its config asks for one.
void tell_unused_dropout(const Json& config) {
  for (const char* key : {"attention_dropout", "residual_dropout", "resid_pdrop", "embd_pdrop"}) {
    const double share = field_or<double>(config, key, 0.0);
    if (share > 0)
      log::warn("config.json: {} {} is not applied; only lora_dropout drops in training", key,
                share);
  }
}

}  // namespace

TrainResult train(const comm::Session& session, model::Decoder& decoder, const SampleSet& samples,
                  const TrainJob& job) {
  check_options(job.options);
  lora::check_options(job.lora);
  if (session.rank() == 0) tell_unused_dropout(decoder.config().json);
  TrainJob named = job;
  named.lora = lora::normalised(job.lora, decoder.config());
  const std::string change = fmt::format(
      "--recompute {}, --micro-batch-tokens below {} or a lower --max-seq-length takes less",
      name_of(decoder.device().is_cpu() ? Recompute::layer : Recompute::offload),
      job.options.micro_batch_tokens);
  return where_memory_may_end(change,
                              [&] { return Trainer(session, decoder, samples, named).run(); });
}

}  // namespace tradeoff::train
