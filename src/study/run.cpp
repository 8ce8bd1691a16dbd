#include "tradeoff/study/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <memory>

#include "cell_inputs.hpp"
#include "cell_plan.hpp"
#include "finished_task.hpp"
#include "judge_threads.hpp"
#include "known_questions.hpp"
#include "prediction_cost.hpp"
#include "study_data.hpp"
#include "study_folder.hpp"
#include "study_models.hpp"
#include "task_judgements.hpp"
#include "task_scoring.hpp"
#include "tradeoff/base/build_info.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_lock.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/comm/chunk_counter.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/comm/shared_folder.hpp"
#include "tradeoff/comm/signals.hpp"
#include "tradeoff/results/reduce.hpp"
#include "tradeoff/train/trainer.hpp"
#include "train_arm.hpp"
#include "work_done.hpp"

namespace tradeoff::study {
namespace {

namespace fs = std::filesystem;

// A task of a cell, predicted; its queries are judged while the next task is computed.
struct TaskRun {
  const ArmOptions& arm;
  std::uint64_t seed;
  const task::Task& task;
  // Whether it goes into predictions.h5 now, rather than when all cells are gathered.
  bool gathers;
  task::RenderedItems rendered = {};
  PredictionPlan plan = {};
  // On rank 0.
  std::vector<store::Prediction> rows = {};
  // Of queries.
  std::unique_ptr<TaskJudgements> judgements = nullptr;
  std::future<KnownQuestions> questions = {};
};

class StudyRun {
 public:
  StudyRun(const comm::Session& session, const StudyOptions& options)
      : session_(session),
        options_(options),
        folder_(options.output_dir),
        data_(options),
        models_(session, options) {
    record_ = options.record;
    // The order of its keys is part of predictions.h5's bytes.
    record_["hashes"] = {{"tokenizer_sha256", models_.identity().at("tokenizer_sha256")}};
    record_["hashes"].update(data_.hashes());
    models_.enter(record_, options);
    resolve_all_sampling();
    scoring_ = prepare_scoring(options, data_, session.rank() == 0);
    if (session.rank() == 0)
      folder_.claim({record_, inputs(), cell_plan(options, data_)}, machine(), options.overwrite,
                    options.model.lock);
    comm::barrier(session);
  }

  StudyResult run() {
    StudyResult result = compute();
    if (result.state == RunState::stopped && session_.rank() == 0)
      log::info("{}", stopped_text(work_done(options_, folder_, data_), "run the same command"));
    return result;
  }

 private:
  StudyResult compute() {
    StudyResult result;
    const std::vector<Cell> cells = list_cells(options_);
    if (options_.cell && *options_.cell >= cells.size()) {
      fail(fmt::format("--cell {}: the study has cells 0 to {} (--list-cells names them)",
                       *options_.cell, cells.size() - 1));
    }
    result.state = RunState::stopped;
    if (options_.rank_groups > 1 && !run_groups(cells)) return result;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (options_.cell && *options_.cell != i) continue;
      if (!run_cell(cells[i], session_, /*gathers=*/!options_.cell)) return result;
    }
    settle_last();
    result.state = RunState::complete;
    if (options_.cell || session_.rank() != 0) return result;
    gather(result);
    return result;
  }

  // On rank 0: predictions.h5, whose runs are in predictions_.
  void gather(StudyResult& result) {
    session_.doing("gathering");
    const FileLock held(folder_.lock("gather"), options_.model.lock);
    predictions_.config = record_;
    predictions_.commit = build_commit();
    predictions_.versions = versions_of(options_);
    result.summary = results::reduce_study(predictions_, options_.primary, floors_);
    predictions_.summary = results::summary_tables(predictions_, result.summary);
    fs::remove(folder_.completion());  // it is of the file that goes
    store::write_predictions(folder_.predictions(), predictions_);
    result.predictions = std::move(predictions_);
  }

  Json machine() const {
    return {{"host", session_.host()},
            {"ranks", session_.size()},
            {"kernels", models_.identity().at("kernels")}};
  }

  Json inputs() const {
    Json inputs = Json::object();
    for (const ArmOptions& arm : options_.arms)
      inputs[arm.name] =
          arm_inputs(options_, data_, arm, models_.identity(arm), record_.at("arms").at(arm.name));
    return inputs;
  }

  // A temperature that no model folder names shows here; each is told once.
  void resolve_all_sampling() const {
    bool told = session_.rank() != 0;
    for (const ArmOptions& arm : options_.arms) {
      for (const std::string& name : options_.tasks) {
        const infer::Sampling rule = sampling_of(arm, options_.known.at(name).task).rule;
        (void)resolve_sampling(rule, arm.model.model);
        if (told || rule.temperature != kModelTemperature) continue;
        tell_model_sampling(rule, arm.model.model);
        told = true;
      }
    }
  }

  // Every cell by one of the groups, whichever is free; what they leave behind is gathered after it
  // as from a job array. False where a group was stopped: the others then end with their cell.
  bool run_groups(const std::vector<Cell>& cells) {
    check(!options_.cell, "--cell computes one cell: expected no --rank-groups beside it");
    const std::vector<std::size_t> order = longest_first(options_, cells);
    const comm::Session group(session_, options_.rank_groups);
    comm::ChunkCounter counter(session_, order.size());
    bool stopped = false;
    while (!stopped) {
      std::string next;
      if (group.rank() == 0) {
        if (const auto at = counter.next()) next = std::to_string(order[*at]);
      }
      next = comm::broadcast(group, next);
      if (next.empty()) break;
      stopped = !run_cell(cells[std::stoul(next)], group, /*gathers=*/false);
      if (stopped) counter.close();
    }
    if (!stopped) settle_last();
    return !comm::any(session_, stopped || comm::stop_requested());
  }

  // `session`: the ranks that work on it. A cell that is gathered stands in predictions_
  // afterwards.
  bool run_cell(const Cell& cell, const comm::Session& session, bool gathers) {
    const ArmOptions& arm = options_.arms[cell.arm];
    session_.doing(fmt::format("arm {}, seed {}", arm.name, cell.seed));
    std::optional<FileLock> held;
    if (session.rank() == 0)
      held.emplace(folder_.lock(fmt::format("{}-seed-{}", arm.name, cell.seed)),
                   options_.model.lock);
    if (arm.trains && !train_cell(arm, cell.seed, session)) return false;
    for (const std::string& name : cell.tasks) {
      const task::Task& task = options_.known.at(name).task;
      if (!run_task(arm, cell.seed, task, session, gathers)) return false;
    }
    return true;
  }

  bool train_cell(const ArmOptions& arm, std::uint64_t seed, const comm::Session& session) {
    const auto adapter = folder_.adapter(arm.name, seed);
    const bool trained = comm::any(session, session.rank() == 0 && train::is_complete(adapter));
    if (!trained) {
      LoadedModel& model = models_.load(session, arm);
      const task::RenderedItems rendered = data_.train_items(arm, seed);
      if (!train_arm(session, model, arm, seed, rendered.items, models_.identity(arm), adapter))
        return false;
    }
    const std::int64_t peak = trained ? 0 : models_.peak_memory(session);
    if (session.rank() != 0) return true;
    const auto curve = train::trained_curve(adapter);
    check(curve.has_value(), store::curve_file(adapter).string() + ": changed while it was read");
    folder_.record(training_cost(arm, seed, peak, *curve, adapter), options_.model.lock);
    predictions_.training[{arm.name, seed}] = training_table(*curve);
    return true;
  }

  bool run_task(const ArmOptions& arm, std::uint64_t seed, const task::Task& task,
                const comm::Session& session, bool gathers) {
    auto run = std::make_unique<TaskRun>(TaskRun{arm, seed, task, gathers});
    run->rendered = data_.items(arm, seed, task.name);
    run->plan = plan_of(*run, session);
    if (!answer(*run, session)) return false;
    settle_last();
    last_ = std::move(run);
    return true;
  }

  PredictionPlan plan_of(const TaskRun& run, const comm::Session& session) const {
    const ArmOptions& arm = run.arm;
    const model::DecoderConfig config = model::read_config(arm.model.model / "config.json");
    DecodingOptions decoding = arm.decoding;
    // An answer behind a plain prompt ends at the first line break.
    if (is_written(run.task) &&
        arm.prompts.at(asked_as(run.task)).prompt_template != task::Template::chat)
      decoding.stop.push_back("\n");
    decoding.sampling = sampling_of(arm, run.task);
    decoding.sampling.rule = resolve_sampling(decoding.sampling.rule, arm.model.model);
    PredictionPlan plan =
        plan_predictions(run.rendered.items, run.task, decoding, data_.prompts(arm).tokenizer,
                         config.max_position_embeddings, arena_rows(session, arm.model, config));
    plan.replicate_seed = run.seed;
    return plan;
  }

  // False on every rank where a stop signal came first.
  bool answer(TaskRun& run, const comm::Session& session) {
    const ArmOptions& arm = run.arm;
    const PredictionPlan& plan = run.plan;
    Json identity = models_.identity(arm);
    const fs::path adapter = arm.trains ? folder_.adapter(arm.name, run.seed) : arm.adapter;
    if (!adapter.empty()) identity["adapter"] = adapter_identity(adapter);
    const Json header = prediction_header(plan, identity);
    const auto journals = folder_.journal(arm.name, run.seed, run.task.name);
    FinishedChunks finished;
    if (session.rank() == 0) finished = finished_here(plan, journals, header);
    const bool missing =
        comm::any(session, session.rank() == 0 && finished.chunks.size() < plan.chunks.size());
    LoadedModel* model = missing ? &models_.load(session, arm) : nullptr;
    if (missing) use_adapter(*model, adapter);
    if (session.rank() == 0 && (missing || run.gathers)) {
      log::info("arm {}, seed {}: {} {} questions{}", arm.name, run.seed, plan.items.size(),
                run.task.name, missing ? "" : ", answered before");
    }
    prepare_judging(run);
    StartsCost cost = starts_cost(finished.told);
    // Where nothing is missing rank 0 has all rows from the journals, and no model is needed.
    Predicted predicted;
    if (missing) {
      OnChunk judge;
      if (run.judgements) judge = [&run](auto answers) { run.judgements->begin(answers); };
      predicted = predict(session, *model, plan, journals, header, std::move(finished), judge);
    } else if (session.rank() == 0) {
      predicted = collect(plan, std::move(finished), /*all_expected=*/true, journals);
    }
    if (!predicted.complete) return false;
    const std::int64_t peak = missing ? models_.peak_memory(session) : 0;
    if (session.rank() == 0) {
      if (missing) cost = starts_cost(store::read_journals(journals, header));
      folder_.record(
          prediction_cost({arm.name, plan.task, run.seed}, plan, predicted.rows, cost, peak),
          options_.model.lock);
    }
    run.rows = std::move(predicted.rows);
    return true;
  }

  void prepare_judging(TaskRun& run) {
    const std::string& name = run.task.name;
    if (run.plan.form != store::Form::sql) return;
    auto& [scorer, header] = scoring_.at(name);
    run.judgements =
        std::make_unique<TaskJudgements>(run.rendered.items, scorer, judge_threads_,
                                         folder_.judged(run.arm.name, run.seed, name), header);
    const bool known = predictions_.items.contains(name) ||
                       (last_ && last_->questions.valid() && last_->task.name == name);
    if (session_.rank() != 0 || !run.gathers || known) return;
    run.questions = std::async(std::launch::async, [&run, &scorer = scorer] {
      return sql_questions(run.rendered.items, scorer, run.task.words.label);
    });
  }

  // Puts the task that was computed last where it belongs, once its queries are judged.
  void settle_last() {
    if (!last_) return;
    const std::unique_ptr<TaskRun> run = std::move(last_);
    if (run->gathers && session_.rank() == 0)
      store_run(*run);
    else if (run->judgements)
      run->judgements->finish();
  }

  // More questions put those that are there into other chunks too: these are computed again, as in
  // a study that had them from the start.
  static FinishedChunks finished_here(const PredictionPlan& plan, const fs::path& journals,
                                      const Json& header) {
    const std::size_t retired =
        store::retire_chunks(journals, {plan.chunk_ids.begin(), plan.chunk_ids.end()});
    if (retired > 0)
      log::info("{}: {} answers are computed again, in chunks with the new questions", plan.task,
                retired);
    return finished_chunks(plan, journals, header);
  }

  void store_run(TaskRun& done) {
    if (!predictions_.items.contains(done.task.name)) store_questions(done);
    FinishedTask finished{done.plan, done.rows};
    if (done.judgements) finished.judged = done.judgements->of(done.rows);
    finished.reached_by_seed = reached_by_seed(done.arm, done.task);
    store_task({done.arm.name, done.seed, done.task.name}, std::move(finished), predictions_);
  }

  void store_questions(TaskRun& done) {
    const std::string& name = done.task.name;
    KnownQuestions known = done.questions.valid()
                               ? done.questions.get()
                               : choice_questions(done.rendered.items, done.task.words.label);
    predictions_.items[name] = std::move(known.items);
    floors_.push_back({name, std::move(known.floors)});
  }

  const comm::Session& session_;
  const StudyOptions& options_;
  StudyFolder folder_;
  StudyData data_;
  StudyModels models_;
  Json record_;
  // By task of kind sql.
  std::map<std::string, TaskScoring> scoring_;
  store::Predictions predictions_;
  std::vector<stats::TaskFloors> floors_;
  JudgeThreads judge_threads_{judge_thread_count()};
  std::unique_ptr<TaskRun> last_;
};

}  // namespace

StudyResult run_study(const comm::Session& session, const StudyOptions& options) {
  if (!options.model.single) comm::refuse_singleton(session, "run");
  comm::agree(session, "the study's configuration", to_line(options.record));
  comm::check_shared_folder(session, options.output_dir);
  return StudyRun(session, options).run();
}

}  // namespace tradeoff::study
