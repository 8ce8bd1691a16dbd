#include "tradeoff/study/train_file.hpp"

#include <fmt/ranges.h>

#include <utility>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/comm/shared_folder.hpp"
#include "tradeoff/model/device.hpp"
#include "tradeoff/train/trainer.hpp"
#include "work_done.hpp"

namespace tradeoff::study {
namespace {

// On a GPU `auto` residency follows the limit where there is one.
ModelOptions within_limit(const comm::Session& session, const TrainFileOptions& options) {
  ModelOptions model = options.model;
  if (model::pick_device(model.device, session.local_rank(), session.local_size()).is_cpu())
    return model;
  const double limit = options.options.memory_limit_gib * static_cast<double>(1 << 30);
  if (limit > 0 && model.nf4_residency == model::Nf4Residency::automatic &&
      model::keeps_packed(model.nf4_residency, model::read_config(model.model / "config.json"),
                          static_cast<std::int64_t>(limit)))
    model.nf4_residency = model::Nf4Residency::packed;
  return model;
}

}  // namespace

train::SampleSet training_samples(const LoadedModel& model, std::span<const task::Item> items,
                                  const train::TrainOptions& options) {
  const std::int64_t positions = model.decoder->config().max_position_embeddings;
  if (options.max_seq_length > positions) {
    fail(fmt::format("max_seq_length: found {}, expected at most the model's {} positions",
                     options.max_seq_length, positions));
  }
  const auto& named = model.tokenizer.eos();
  const text::TokenId end = named.empty() ? model.end_tokens.at(0) : named.front();
  return train::make_samples(items, model.tokenizer, end,
                             options.max_seq_length > 0 ? options.max_seq_length : positions,
                             options);
}

RunState train_file(const comm::Session& session, const TrainFileOptions& options) {
  if (!options.model.single) comm::refuse_singleton(session, "train");
  train::check_options(options.options);
  comm::check_shared_folder(session, options.out);
  auto items = task::read_training_items(options.train);
  if (options.limit > 0 && items.size() > static_cast<std::size_t>(options.limit)) {
    items.resize(static_cast<std::size_t>(options.limit));
  }
  const ModelOptions model_options = within_limit(session, options);
  auto weights_hash = begin_weights_hash(session, model_options);
  LoadedModel model = load_model(session, model_options);
  const train::SampleSet samples = training_samples(model, items, options.options);
  const std::int64_t batch = train::global_batch_size(options.options, session.size());
  if (session.rank() == 0) {
    log::info("{} samples, {} tokens, the longest {}; {} samples a step on {} ranks; seed {}",
              samples.samples.size(), samples.tokens, samples.longest, batch, session.size(),
              options.options.seed);
    if (samples.overlong + samples.skipped > 0) {
      log::warn("left out: {} samples over the length limit ({}{}), {} marked as skipped",
                samples.overlong, fmt::join(samples.overlong_ids, ", "),
                samples.overlong > std::ssize(samples.overlong_ids) ? ", ..." : "",
                samples.skipped);
    }
  }
  train::TrainJob job;
  job.options = options.options;
  job.lora = options.lora;
  job.init_adapter = options.init_adapter;
  job.output_dir = options.out;
  job.lock = options.model.lock;
  job.base_model = options.model.model.string();
  job.model_identity = model_identity(session, model_options, std::move(weights_hash));
  job.resume = options.resume;
  const train::TrainResult result = train::train(session, *model.decoder, samples, job);
  if (session.rank() == 0) {
    if (result.complete) {
      log::info("{} steps, last loss {:.4f}; adapter in {}", result.steps, result.loss,
                options.out.string());
    } else {
      log::info("{}", stopped_text({0, 0, result.steps, result.all_steps},
                                   "run the same command with --resume"));
    }
  }
  return result.complete ? RunState::complete : RunState::stopped;
}

}  // namespace tradeoff::study
