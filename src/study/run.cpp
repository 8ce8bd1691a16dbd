#include "tradeoff/study/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <numeric>

#include "cell_inputs.hpp"
#include "judge_threads.hpp"
#include "prediction_cost.hpp"
#include "sql_questions.hpp"
#include "study_data.hpp"
#include "study_folder.hpp"
#include "study_models.hpp"
#include "task_judgements.hpp"
#include "tradeoff/base/build_info.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_lock.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/comm/chunk_counter.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/comm/shared_folder.hpp"
#include "tradeoff/comm/signals.hpp"
#include "tradeoff/results/prompt_table.hpp"
#include "tradeoff/results/reduce.hpp"
#include "tradeoff/study/items_table.hpp"
#include "tradeoff/study/judge.hpp"
#include "tradeoff/task/extract.hpp"
#include "tradeoff/task/extract_letter.hpp"
#include "tradeoff/train/trainer.hpp"
#include "train_arm.hpp"
#include "work_done.hpp"

namespace tradeoff::study {
namespace {

namespace fs = std::filesystem;

// For the order of cells alone; any number above those that max_steps usually is.
constexpr double kStepsOfAnEpoch = 1e6;

store::Table prompt_texts(std::span<const task::Item> items) {
  std::vector<std::string> texts;
  for (const task::Item& item : items) texts.push_back(item.prompt);
  return results::prompt_table(texts);
}

store::Attributes sampling_attributes(const SamplingOptions& sampling) {
  return {{"temperature", sampling.rule.temperature},
          {"top_p", sampling.rule.top_p},
          {"top_k", sampling.rule.top_k},
          {"samples", sampling.rule.samples},
          {"sample_seed", static_cast<std::int64_t>(sampling.sample_seed)}};
}

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
  std::future<SqlQuestions> questions = {};
};

class StudyRun {
 public:
  StudyRun(const comm::Session& session, const StudyOptions& options)
      : session_(session),
        options_(options),
        folder_(options.output_dir),
        data_(options),
        models_(session, options) {
    const Json& identity = models_.identity();
    record_ = options.record;
    record_["hashes"] = {{"tokenizer_sha256", identity.at("tokenizer_sha256")}};
    record_["hashes"].update(data_.hashes());
    for (const char* key : {"config_sha256", "weights_sha256"})
      record_["hashes"]["model_" + std::string(key)] = identity.at(key);
    record_["dtype"] = identity.at("dtype");
    record_["quantization"] = identity.at("quantization");
    record_["model"]["name"] = folder_name(options.model.model);
    for (const ArmOptions& arm : options.arms)
      record_["arms"][arm.name].update(models_.record_of(arm));
    resolve_all_sampling();
    prepare_scoring();
    if (session.rank() == 0)
      folder_.claim({record_, inputs(), plan()}, machine(), options.overwrite, options.model.lock);
    comm::barrier(session);
  }

  StudyResult run() {
    StudyResult result = compute();
    if (result.state == RunState::stopped && session_.rank() == 0) {
      log::info("{}", stopped_text(work_done(options_, folder_, data_), "run the same command"));
    }
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
    session_.doing("gathering");
    const FileLock gather(folder_.lock("gather"), options_.model.lock);
    store::Predictions& predictions = predictions_;
    predictions.config = record_;
    predictions.commit = build_commit();
    predictions.versions = {{"tradeoff", std::string(build_version())},
                            {"sql_extraction", std::to_string(task::kExtractVersion)}};
    if (std::ranges::any_of(options_.tasks, [&](const std::string& name) {
          return options_.known.at(name).task.answer == task::Answer::letter;
        }))
      predictions.versions["letter_extraction"] = std::to_string(task::kExtractLetterVersion);
    for (const auto& [name, known] : options_.known)
      predictions.versions[name + "_prompt"] = std::to_string(known.task.prompt_version);
    result.summary = results::reduce_study(predictions, options_.primary, floors_);
    predictions.summary = results::summary_tables(predictions, result.summary);
    fs::remove(folder_.completion());  // it is of the file that goes
    store::write_predictions(folder_.predictions(), predictions);
    result.predictions = std::move(predictions_);
    return result;
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

  // What there is to do, for those who look at the folder meanwhile.
  Json plan() const {
    Json cells = Json::array();
    for (const Cell& cell : list_cells(options_)) {
      const ArmOptions& arm = options_.arms[cell.arm];
      Json tasks = Json::array();
      for (const std::string& task : cell.tasks) {
        tasks.push_back({{"task", task}, {"questions", data_.questions(task).count}});
        const auto samples = sampling_of(arm, options_.known.at(task).task).rule.samples;
        if (samples > 1) tasks.back()["samples"] = samples;
      }
      // The steps of whole epochs are known once the training rows are made.
      const bool steps = arm.trains && arm.train.max_steps > 0;
      cells.push_back({{"arm", arm.name},
                       {"seed", cell.seed},
                       {"trains", arm.trains},
                       {"steps", steps ? Json(arm.train.max_steps) : Json(nullptr)},
                       {"tasks", std::move(tasks)}});
    }
    return {{"cells", std::move(cells)}};
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

  // What cannot be scored shows here, not after hours of prediction.
  void prepare_scoring() {
    sql::ScoreOptions scoring = options_.scoring;
    scoring.preview = true;
    for (const std::string& name : options_.tasks) {
      const task::Task& task = options_.known.at(name).task;
      if (task.kind != task::Kind::sql) continue;
      // Votes alone ask for it.
      scoring.result_hash = std::ranges::any_of(options_.arms, [&](const ArmOptions& arm) {
        return !sampling_of(arm, task).rule.greedy();
      });
      const task::Questions& questions = data_.questions(name);
      sql::Scorer scorer(questions.databases, questions.tables, scoring);
      if (session_.rank() == 0) check_scoring(questions.golds, scorer);
      scorers_.emplace(name, std::move(scorer));
      judgement_headers_[name] = judgement_header(scoring, questions.sha256);
    }
  }

  // Every cell by one of the groups, whichever is free; what they leave behind is gathered after it
  // as from a job array. False where a group was stopped: the others then end with their cell.
  bool run_groups(const std::vector<Cell>& cells) {
    check(!options_.cell, "--cell computes one cell: expected no --rank-groups beside it");
    // Those that train first, the longest training before all: what is begun last is short.
    std::vector<std::size_t> order(cells.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto steps = [&](std::size_t i) {
      const ArmOptions& arm = options_.arms[cells[i].arm];
      if (!arm.trains) return 0.0;
      return arm.train.max_steps > 0 ? static_cast<double>(arm.train.max_steps)
                                     : kStepsOfAnEpoch * arm.train.num_train_epochs;
    };
    std::ranges::stable_sort(order, std::ranges::greater(), steps);
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
    const std::vector<task::Item>& items = run->rendered.items;
    const model::DecoderConfig config = model::read_config(arm.model.model / "config.json");
    DecodingOptions decoding = arm.decoding;
    // An answer behind a plain prompt ends at the first line break.
    if (is_written(task) && arm.prompts.at(asked_as(task)).prompt_template != task::Template::chat)
      decoding.stop.push_back("\n");
    decoding.sampling = sampling_of(arm, task);
    decoding.sampling.rule = resolve_sampling(decoding.sampling.rule, arm.model.model);
    run->plan =
        plan_predictions(items, task, decoding, data_.prompts(arm).tokenizer,
                         config.max_position_embeddings, arena_rows(session, arm.model, config));
    PredictionPlan& plan = run->plan;
    plan.replicate_seed = seed;
    Json identity = models_.identity(arm);
    const fs::path adapter = arm.trains ? folder_.adapter(arm.name, seed) : arm.adapter;
    if (!adapter.empty()) identity["adapter"] = adapter_identity(adapter);
    const Json header = prediction_header(plan, identity);
    const auto journals = folder_.journal(arm.name, seed, task.name);
    FinishedChunks finished;
    if (session.rank() == 0) finished = finished_here(plan, journals, header);
    const bool missing =
        comm::any(session, session.rank() == 0 && finished.chunks.size() < plan.chunks.size());
    LoadedModel* model = missing ? &models_.load(session, arm) : nullptr;
    if (missing) use_adapter(*model, adapter);
    if (session.rank() == 0 && (missing || gathers)) {
      log::info("arm {}, seed {}: {} {} questions{}", arm.name, seed, items.size(), task.name,
                missing ? "" : ", answered before");
    }
    prepare_judging(*run);
    StartsCost cost = starts_cost(finished.told);
    // Where nothing is missing rank 0 has all rows from the journals, and no model is needed.
    Predicted predicted;
    if (missing) {
      OnChunk judge;
      if (run->judgements) judge = [&run](auto answers) { run->judgements->begin(answers); };
      predicted = predict(session, *model, plan, journals, header, std::move(finished), judge);
    } else if (session.rank() == 0) {
      predicted = collect(plan, std::move(finished), /*all_expected=*/true, journals);
    }
    if (!predicted.complete) return false;
    const std::int64_t peak = missing ? models_.peak_memory(session) : 0;
    if (session.rank() == 0) {
      if (missing) cost = starts_cost(store::read_journals(journals, header));
      folder_.record(prediction_cost({arm.name, task.name, seed}, plan, predicted.rows, cost, peak),
                     options_.model.lock);
    }
    run->rows = std::move(predicted.rows);
    settle_last();
    last_ = std::move(run);
    return true;
  }

  void prepare_judging(TaskRun& run) {
    const std::string& name = run.task.name;
    if (run.plan.form != store::Form::sql) return;
    sql::Scorer& scorer = scorers_.at(name);
    run.judgements = std::make_unique<TaskJudgements>(run.rendered.items, scorer, judge_threads_,
                                                      folder_.judged(run.arm.name, run.seed, name),
                                                      judgement_headers_.at(name));
    const bool known = predictions_.items.contains(name) ||
                       (last_ && last_->questions.valid() && last_->task.name == name);
    if (session_.rank() != 0 || !run.gathers || known) return;
    run.questions = std::async(std::launch::async, [&run, &scorer] {
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
    const PredictionPlan& plan = done.plan;
    const std::string& name = done.task.name;
    const std::span<const task::Item> items = plan.items;
    const std::span<const store::Prediction> rows = done.rows;
    if (!predictions_.items.contains(name)) store_questions(done);
    std::vector<store::Judgement> judged;
    if (done.judgements) judged = done.judgements->of(rows);
    for (std::size_t i = judged.size(); i < rows.size(); ++i)
      judged.emplace_back(judge_letter(items[i / plan.samples()], rows[i], plan.form));
    store::Run run;
    run.rows = answers_table(items, rows, judged, plan.form);
    for (std::int64_t k = 1; k < plan.samples(); ++k)
      run.further.push_back(answers_table(items, rows, judged, plan.form, k));
    if (plan.sampled()) run.attributes = sampling_attributes(plan.decoding.sampling);
    const std::string prompts = task::prompts_sha256(items);
    run.attributes["prompts_sha256"] = prompts;
    store::Table& texts = predictions_.summary[results::prompt_table_name(prompts)];
    if (texts.columns().empty()) texts = prompt_texts(items);
    if (!reached_by_seed(done.arm, done.task)) {
      run.attributes["computed_once"] =
          std::string("no random stream reaches it: greedy, examples in file order");
    }
    predictions_.runs[{done.arm.name, done.seed, name}] = std::move(run);
  }

  void store_questions(TaskRun& done) {
    const std::string& name = done.task.name;
    const std::vector<task::Item>& items = done.rendered.items;
    if (done.questions.valid()) {
      SqlQuestions questions = done.questions.get();
      predictions_.items[name] = std::move(questions.items);
      floors_.push_back({name, std::move(questions.floors)});
      return;
    }
    predictions_.items[name] = choice_items_table(items, done.task.words.label);
    std::vector<std::string> letters;
    for (const task::Item& item : items) letters.push_back(item.answer);
    floors_.push_back({name, stats::letter_floors(letters)});
  }

  const comm::Session& session_;
  const StudyOptions& options_;
  StudyFolder folder_;
  StudyData data_;
  StudyModels models_;
  Json record_;
  // By task of kind sql.
  std::map<std::string, sql::Scorer> scorers_;
  std::map<std::string, Json> judgement_headers_;
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
