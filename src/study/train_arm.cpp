#include "train_arm.hpp"

#include <algorithm>
#include <set>

#include "tradeoff/base/log.hpp"
#include "tradeoff/store/curve.hpp"
#include "tradeoff/study/train_file.hpp"
#include "tradeoff/train/trainer.hpp"

namespace tradeoff::study {
bool train_arm(const comm::Session& session, LoadedModel& model, const ArmOptions& arm,
               std::uint64_t seed, std::span<const task::Item> items, const Json& model_identity,
               const std::filesystem::path& adapter_folder) {
  train::TrainJob job;
  job.lock = arm.model.lock;
  job.options = arm.train;
  job.options.seed = seed;
  job.lora = arm.lora;
  job.output_dir = adapter_folder;
  job.init_adapter = arm.init_adapter;
  job.base_model = arm.model.model.string();
  job.model_identity = model_identity;
  job.resume = true;
  const train::SampleSet samples = training_samples(model, items, job.options);
  if (session.rank() == 0) {
    log::info("arm {}, seed {}: training on {} samples of {} tokens at most{}", arm.name, seed,
              samples.samples.size(), samples.longest,
              samples.overlong + samples.skipped == 0
                  ? ""
                  : fmt::format("; left out: {} too long, {} skipped by the overflow policy",
                                samples.overlong, samples.skipped));
  }
  return train::train(session, *model.decoder, samples, job).complete;
}

results::LedgerEntry training_cost(const ArmOptions& arm, std::uint64_t seed,
                                   std::int64_t peak_bytes, std::span<const store::CurveRow> curve,
                                   const std::filesystem::path& adapter_folder) {
  results::LedgerEntry entry;
  entry.arm = arm.name;
  entry.task = results::kTrainingTask;
  entry.seed = seed;
  entry.peak_bytes = peak_bytes;
  std::set<std::string> starts, cut;
  const auto add = [&](const store::CurveRow& row) {
    starts.insert(row.start);
    entry.ranks = std::max<std::int64_t>(entry.ranks, row.ranks);
    entry.seconds += row.seconds;
    entry.device_seconds += row.seconds * row.ranks;
  };
  for (const store::CurveRow& row : curve) {
    add(row);
    entry.questions += train::global_batch_size(arm.train, row.ranks);
    entry.prompt_tokens += row.tokens;
  }
  std::vector<std::string> damage;
  for (const store::CurveRow& row : store::read_curve(store::redone_file(adapter_folder), damage)) {
    add(row);
    // A start that was asked to stop saves first; one whose steps are lost was killed.
    cut.insert(row.start);
    entry.redone += train::global_batch_size(arm.train, row.ranks);
    entry.redone_seconds += row.seconds;
  }
  for (const std::string& line : damage) log::warn("{}", line);
  entry.starts = static_cast<std::int64_t>(starts.size());
  entry.cut_starts = static_cast<std::int64_t>(cut.size() + damage.size());
  return entry;
}

store::Table training_table(std::span<const store::CurveRow> curve) {
  using store::column_from, store::Doubles, store::Ints, store::CurveRow;
  store::Table table;
  table.add("step", column_from<Ints>(curve, &CurveRow::step));
  table.add("epoch", column_from<Doubles>(curve, &CurveRow::epoch));
  table.add("loss", column_from<Doubles>(curve, &CurveRow::loss));
  table.add("lr", column_from<Doubles>(curve, &CurveRow::learning_rate));
  table.add("grad_norm", column_from<Doubles>(curve, &CurveRow::grad_norm));
  table.add("tokens", column_from<Ints>(curve, &CurveRow::tokens));
  table.add("supervised_tokens", column_from<Ints>(curve, &CurveRow::supervised_tokens));
  return table;
}

}  // namespace tradeoff::study
