#include "tradeoff/study/run.hpp"

#include <memory>
#include <set>

#include "adapters.hpp"
#include "all_commands.hpp"
#include "job_tasks.hpp"
#include "tradeoff/base/file_name.hpp"
#include "tradeoff/base/heartbeat.hpp"
#include "tradeoff/comm/signals.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/config/bind.hpp"
#include "tradeoff/config/job.hpp"
#include "tradeoff/report/export/exports.hpp"
#include "tradeoff/report/page/tables.hpp"
#include "tradeoff/report/page/write.hpp"

namespace tradeoff::app {
namespace {

struct RunOptions {
  std::filesystem::path job;
  // Files of tasks of one's own, [task.NAME].
  std::vector<std::filesystem::path> task_files;
  bool list_cells = false, list_inputs = false, quiet = false;
};

void bind_run(config::Table& table, RunOptions& run, study::StudyOptions& study,
              study::ArmOptions& arm, std::span<const task::Task> tasks) {
  table.section("");
  table.add("job", &run.job, "Job file").required().local().placeholder("JOB.ini");
  table.positional("job");
  bind_study(table, study, tasks);
  bind_arm(table, arm, tasks);
  bind_task_files(table, run.task_files);
  table.add("list_cells", &run.list_cells, "Name the cells (arm and seed) and stop").local();
  table.add("list_inputs", &run.list_inputs, "Name the folders that the study reads, and stop")
      .local();
  table.add("quiet", &run.quiet, "Say nothing but warnings").local();
}

// An arm trains where its job says for how long; the command line changes how, not whether. Other
// training keys alone would be without effect.
bool job_trains(const config::JobFile& job, const config::Table& base, const config::Table& table,
                const study::ArmOptions& arm, config::Problems& problems) {
  if (arm.train.max_steps > 0 || table.given("num_train_epochs")) return true;
  for (const config::Option* option : table.options()) {
    const std::string name = option->full_name();
    if (option->section() != "train" || !table.given(name) || base.given(name)) continue;
    problems.add(job.where(arm.name), fmt::format("{} is given, but the arm does not train: it "
                                                  "names neither max_steps nor num_train_epochs",
                                                  option->name()));
  }
  return false;
}

void check_training(const config::JobFile& job, const study::ArmOptions& arm,
                    config::Problems& problems) {
  try {
    train::check_options(arm.train);
    lora::check_options(arm.lora);
  } catch (const Error& error) {
    problems.add(job.where(arm.name), error.what());
  }
}

// The study's name becomes a part of file names; a seed that stands twice would count twice.
void check_study(const config::JobFile& job, const study::StudyOptions& study,
                 config::Problems& problems) {
  try {
    check_file_name("study.name", study.name);
// An arm's own model and adapters, held to each other before anything is computed.
void check_own(const config::JobFile& job, const config::Table& own, const config::Table& table,
               study::ArmOptions& arm, config::Problems& problems) {
  const std::filesystem::path& model = arm.model.model;
  if (own.given("model") && !std::filesystem::exists(model / "config.json")) {
    problems.add(own.where("model"), fmt::format("found \"{}\", expected a model folder: it has no "
                                                 "config.json",
                                                 model.string()));
    return;
  }
  if (!arm.adapter.empty() && (arm.trains || !arm.init_adapter.empty())) {
    problems.add(job.where(arm.name),
                 "an adapter is applied as it is, and this arm trains one too; init_adapter with "
                 "max_steps, without adapter, trains on from one");
  } else if (!arm.init_adapter.empty() && !arm.trains) {
    problems.add(job.where(arm.name),
                 "init_adapter is given, but the arm does not train: it names "
                 "neither max_steps nor num_train_epochs");
  } else if (!arm.adapter.empty()) {
    check_fits(model, arm.adapter, own.where("adapter"), problems);
  } else if (!arm.init_adapter.empty()) {
    check_fits(model, arm.init_adapter, own.where("init_adapter"), problems);
    take_over(table, model, arm.init_adapter, own.where("init_adapter"), arm.lora, problems);
  }
}

  } catch (const Error& error) {
    problems.add(job.path().string(), error.what());
  }
  std::set<std::uint64_t> seen;
  for (const std::uint64_t seed : study.seeds) {
    if (!seen.insert(seed).second)
      problems.add(job.path().string() + ": study.seeds",
                   fmt::format("found {} twice, expected each seed once", seed));
  }
}

// Base sections, then each arm's section on a copy of them; the command line wins over both.
void resolve(const config::JobFile& job, Words words, RunOptions& run, study::StudyOptions& study,
             config::Problems& problems) {
  const JobTasks known = tasks_of_job(job, words, problems);
  const std::vector<task::Task>& tasks = known.tasks;
  study::ArmOptions base;
  config::Table table;
  bind_run(table, run, study, base, tasks);
  const auto arguments = config::Arguments::parse(table, words, problems);
  job.bind_base(table, problems);
  const config::Table job_base = table;
  arguments.apply(table, problems);
  table.check_required(problems);
  check_study(job, study, problems);
  study.record = table.record();
  // Each arm's own says whether and how it trains.
  study.record.erase("train");
  if (!known.own.empty()) study.record["task"] = known.own;
  for (const std::string& name : job.arms()) {
    study::ArmOptions arm;
    arm.name = name;
    arm.model = study.model;
    config::Table arm_table, own;
    config::bind_arm(arm_table, arm, tasks);
    config::bind_own(own, arm);
    job.bind_arm(name, arm_table, own, problems);
    arm.trains = job_trains(job, job_base, arm_table, arm, problems);
    arguments.apply(arm_table, problems, config::Unknown::ignore);
    for (const auto& [task, sampling] : arm.sampling)
      check_sampling(sampling, job.where(name) + ": " + task, problems);
    Json& record = study.record["arms"][name] = arm_table.record();
    if (arm.trains) {
      check_training(job, arm, problems);
    } else {
      record.erase("train");
    }
    study.arms.push_back(std::move(arm));
  }
}

int run_whole(const comm::Session& session, const study::StudyOptions& options) {
  const comm::StopSignals signals;
  const study::StudyResult result = study::run_study(session, options);
  if (result.state == study::RunState::stopped) return comm::kRunAgain;
  if (!result.predictions) return kComplete;
  session.doing("reporting");
  // The same code as `tradeoff report`, from the file that was just written.
  const std::filesystem::path files[] = {options.output_dir / "predictions.h5"};
  const report::Study study = report::read_study(files);
  const report::Analysis analysis = report::analyse(study);
  report::write_exports(options.output_dir / "export", study, analysis);
  report::write_reports(options.output_dir, study, analysis);
  study::write_completion_record(options.output_dir);
  fmt::print("{}", report::markdown(study, analysis));
  return kComplete;
}

int print_cells(const study::StudyOptions& options) {
  const auto cells = study::list_cells(options);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    fmt::print("{}\t{}\tseed-{}\n", i, options.arms[cells[i].arm].name, cells[i].seed);
  }
  return kComplete;
}

// "model" and "data", a tab, the folder as seen from here.
int print_inputs(const study::StudyOptions& options) {
  fmt::print("model\t{}\n", options.model.model.string());
  for (const std::string& task : options.tasks) {
    const task::Source& source = options.known.at(task).source;
    for (const auto& folder : {source.data, source.original}) {
      if (!folder.empty()) fmt::print("data\t{}\n", folder.string());
    }
  }
  return kComplete;
}
    check_own(job, own, arm_table, arm, problems);

}  // namespace

Work parse_run(Words words) {
  auto study = std::make_shared<study::StudyOptions>();
  RunOptions run;
  const config::Usage usage{
      "run", "A whole study: every arm, seed and task of a job file; continues where it stopped.",
      "tradeoff run jobs/demo.ini --model models/smollm2-135m-instruct --output-dir results/demo"};
  // The command line alone first: it names the job file, which names the tasks.
  config::Problems first;
  study::StudyOptions unused;
  study::ArmOptions unused_arm;
  RunOptions named;
  config::Table table;
  bind_run(table, named, unused, unused_arm, default_tasks());
  const auto arguments = config::Arguments::parse(table, words, first);
  if (arguments.help()) {
    fmt::print("{}", config::help_text(usage, table));
    return {};
  }
  arguments.apply(table, first);
  if (named.job.empty()) {
    first.add("JOB.ini", "no job file: `tradeoff run JOB.ini`, for example jobs/demo.ini");
    first.throw_if_any();
  }
  config::Problems problems;
  const auto job = config::JobFile::read(named.job, problems);
  if (job.arms().empty())
    problems.add(named.job.string(), "no arm; expected a section [arm.NAME], such as [arm.base]");
  resolve(job, words, run, *study, problems);
  problems.throw_if_any();
  const log::Level level = run.quiet ? log::Level::quiet : log::Level::normal;
  if (run.list_cells || run.list_inputs) {
    const auto print = run.list_cells ? print_cells : print_inputs;
    return {[study, print](const comm::Session& session) {
              return session.rank() == 0 ? print(*study) : kComplete;
            },
            level};
  }
  return {[study](const comm::Session& session) { return run_whole(session, *study); }, level,
          study->output_dir / kHeartbeatFolder};
}

}  // namespace tradeoff::app
