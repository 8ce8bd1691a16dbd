#include "tradeoff/study/predict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_lock.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/comm/shared_folder.hpp"
#include "work_done.hpp"

namespace tradeoff::study {
namespace {

// What is wrong with an item is told with its file.
PredictionPlan plan_of_file(const comm::Session& session, const PredictOptions& options,
                            const LoadedModel& model, std::span<const task::Item> items,
                            const task::Task& task) {
  DecodingOptions decoding = options.decoding;
  decoding.sampling.rule = resolve_sampling(decoding.sampling.rule, options.model.model);
  try {
    return plan_predictions(items, task, decoding, model.tokenizer,
                            model.decoder->config().max_position_embeddings,
                            arena_rows(session, options.model, model.decoder->config()));
  } catch (const Error& error) {
    fail(options.items.string() + ": " + error.what());
  }
}

// The row of the output: `greedy` is for a study's exports alone.
Json told_row(store::Prediction row, store::Form form) {
  if (auto* chosen = std::get_if<store::ChosenAnswer>(&row.answer)) chosen->greedy.reset();
  return store::to_json(row, form);
}

}  // namespace

RunState predict_file(const comm::Session& session, const PredictOptions& options) {
  if (!options.model.single) comm::refuse_singleton(session, "predict");
  const auto journals = store::journal_folder(options.out);
  comm::check_shared_folder(session, journals);
  const task::Task* found = task::find_task(options.task, options.own_tasks);
  check(found != nullptr, "--task: no task \"" + options.task + "\"");
  task::Task task = *found;
  task.answer = options.answer.value_or(task.answer);
  auto items = task::read_items(options.items, task.kind);
  if (options.limit > 0 && items.size() > static_cast<std::size_t>(options.limit))
    items.resize(options.limit);

  auto weights_hash = begin_weights_hash(session, options.model);
  if (session.rank() == 0) tell_model_sampling(options.decoding.sampling.rule, options.model.model);
  LoadedModel model = load_model(session, options.model);
  use_adapter(model, options.adapter);
  const PredictionPlan plan = plan_of_file(session, options, model, items, task);
  Json identity = model_identity(session, options.model, std::move(weights_hash));
  if (!options.adapter.empty()) identity["adapter"] = adapter_identity(options.adapter);
  const Json header = fixed_items_header(plan, identity);

  // One writer at a time; the lock file stays, so that a waiting process and a new one meet at the
  // same file.
  std::optional<FileLock> lock;
  FinishedChunks finished;
  if (session.rank() == 0) {
    std::filesystem::create_directories(journals);
    lock.emplace(journals / "lock", options.model.lock);
    remove_leftovers_of(options.out);
    if (options.resume) {
      finished = finished_chunks(plan, journals, header);
    } else {
      store::begin_output(options.out);
    }
    if (!finished.chunks.empty())
      log::info("{} of {} chunks are done", finished.chunks.size(), plan.chunks.size());
  }
  comm::barrier(session);
  const Predicted predicted = predict(session, model, plan, journals, header, std::move(finished));
  if (!predicted.complete) {
    WorkDone done;
    done.all_questions = std::ssize(items);
    done.questions = predicted.answered / plan.samples();
    if (session.rank() == 0)
      log::info("{}", stopped_text(done, "run the same command with --resume"));
    return RunState::stopped;
  }
  if (session.rank() == 0) {
    AtomicFile file(options.out);
    for (const store::Prediction& row : predicted.rows)
      file.write(to_line(told_row(row, plan.form)) + "\n");
    file.commit();
    log::info("{} predictions in {}", predicted.rows.size(), options.out.string());
  }
  return RunState::complete;
}

}  // namespace tradeoff::study
