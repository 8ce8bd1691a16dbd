#include "tradeoff/study/run.hpp"

#include <memory>
#include <set>

#include "adapters.hpp"
#include "all_commands.hpp"
#include "job_tasks.hpp"
#include "launch.hpp"
#include "options/bind.hpp"
#include "tradeoff/base/file_name.hpp"
#include "tradeoff/base/heartbeat.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/comm/signals.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/config/job.hpp"
#include "tradeoff/report/export/exports.hpp"
#include "tradeoff/report/page/tables.hpp"
#include "tradeoff/report/page/write.hpp"
#include "tradeoff/task/task.hpp"
#include "until.hpp"

namespace tradeoff::app {
namespace {

struct RunOptions {
  std::filesystem::path job;
  // Files of tasks of one's own, [task.NAME].
  std::vector<std::filesystem::path> task_files;
  bool list_cells = false, list_inputs = false, quiet = false, verbose = false;
  int ranks = 0;
  UntilOptions until;
};

void bind_run(config::OptionTable& table, RunOptions& run, study::StudyOptions& study,
              study::ArmOptions& arm, const JobTasks& known) {
  table.section("");
  table.add("job", &run.job, "Job file").required().local().placeholder("JOB.ini");
  table.positional("job");
  bind_study(table, study, known.tasks);
  bind_arm(table, arm, known.answered);
  table.section("");
  bind_task_files(table, run.task_files);
  bind_until(table, run.until);
  table.add("list_cells", &run.list_cells, "Name the cells (arm and seed) and stop").local();
  table.add("list_inputs", &run.list_inputs, "Name the folders that the study reads, and stop")
      .local();
  table.add("quiet", &run.quiet, "Say nothing but warnings").local();
  table.add("verbose", &run.verbose, "Print the whole report at the end, not its first lines")
      .local();
  bind_ranks(table, run.ranks);
}

// An arm trains where its job says for how long; the command line changes how, not whether. Other
// training keys alone would be without effect.
bool job_trains(const config::JobFile& job, const config::OptionTable& base,
                const config::OptionTable& table, const study::ArmOptions& arm,
                config::Problems& problems) {
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

// An arm's own model and adapters, held to each other before anything is computed.
void check_own(const config::JobFile& job, const config::OptionTable& own,
               const config::OptionTable& table, study::ArmOptions& arm,
               config::Problems& problems) {
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

// The study's name becomes a part of file names; a seed that stands twice would count twice.
void check_study(const config::JobFile& job, const study::StudyOptions& study,
                 config::Problems& problems) {
  try {
    check_file_name("study.name", study.name);
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

// What an arm's section is, for --help.
std::string arms_text() {
  study::ArmOptions arm;
  config::OptionTable own;
  bind_own(own, arm);
  std::string keys = config::options_text(own, "Keys that only an arm has", "");
  return "A job file is an INI file: sections [study], [model], [train], one a task, and an "
         "[arm.NAME]\n"
         "for each arm. An arm inherits all of the job and holds only what differs; it trains "
         "where it\n"
         "names max_steps or num_train_epochs. A key that two sections have is written with its "
         "section.\n"
         "Relative paths in a file are from its folder.\n\n"
         "    [arm.base]\n\n"
         "    [arm.qlora-50]\n"
         "    max_steps = 50\n"
         "    lora_r = 16\n"
         "    " +
         task::default_task(task::Kind::sql).name +
         ".shots = 0\n\n"
         "    [arm.mine]\n"
         "    adapter = my-adapter\n" +
         keys +
         "\nA folder that holds the study already is continued. A job that has grown (another arm "
         "or seed,\nmore questions of the draw, another metric) keeps what is there and computes "
         "what is new; what\nwould change a result is refused.\n";
}

// Where a path is from is easily mistaken: it is told with the key, before anything is computed.
void check_folder(const config::OptionTable& table, const std::string& key,
                  const std::filesystem::path& folder, config::Problems& problems) {
  if (folder.empty() || std::filesystem::is_directory(folder)) return;
  problems.add(table.where(key),
               fmt::format("found \"{}\", where there is no folder (a relative path in a file is "
                           "from its folder, elsewhere from the working directory)",
                           folder.string()));
}

// Base sections, then each arm's section on a copy of them; the command line wins over both.
void resolve(const config::JobFile& job, Words words, RunOptions& run, study::StudyOptions& study,
             config::Problems& problems) {
  const JobTasks known = tasks_of_job(job, words, problems);
  study::ArmOptions base;
  config::OptionTable table;
  bind_run(table, run, study, base, known);
  const auto arguments = config::Arguments::parse(table, words, problems);
  job.bind_base(table, problems);
  const config::OptionTable job_base = table;
  arguments.apply(table, problems);
  table.check_required(problems, job.path());
  check_study(job, study, problems);
  if (!run.list_cells && !run.list_inputs) {
    check_folder(table, "model.model", study.model.model, problems);
    for (const std::string& task : study.tasks)
      check_folder(table, task + ".data", study.known.at(task).source.data, problems);
  }
  study.record = table.record();
  // Each arm's own says whether and how it trains.
  study.record.erase("train");
  if (!known.own.empty()) study.record["task"] = known.own;
  for (const std::string& name : job.arms()) {
    study::ArmOptions arm;
    arm.name = name;
    arm.model = study.model;
    config::OptionTable arm_table, own;
    bind_arm(arm_table, arm, known.answered);
    bind_own(own, arm);
    job.bind_arm(name, arm_table, own, problems);
    arm.trains = job_trains(job, job_base, arm_table, arm, problems);
    arguments.apply(arm_table, problems, config::Unknown::ignore);
    for (const auto& [task, sampling] : arm.sampling)
      check_sampling(sampling, job.where(name) + ": " + task, problems);
    check_own(job, own, arm_table, arm, problems);
    Json& record = study.record["arms"][name] = arm_table.record();
    if (arm.trains) {
      check_training(job, arm, problems);
    } else {
      record.erase("train");
    }
    study.arms.push_back(std::move(arm));
  }
}

// Rank 0 of a study that is whole: report and exports, by the same code as `tradeoff report`, from
// the file that was just written.
struct Reported {
  report::Study study;
  report::Analysis analysis;
};

Reported write_all(const std::filesystem::path& folder) {
  const std::filesystem::path files[] = {folder / "predictions.h5"};
  Reported out{report::read_study(files), {}};
  out.analysis = report::analyse(out.study);
  report::write_exports(folder / "export", out.study, out.analysis);
  report::write_reports(folder, out.study, out.analysis);
  return out;
}

void print_result(const Reported& reported, const std::filesystem::path& folder, bool verbose) {
  if (log::quiet()) return;
  fmt::print("{}", verbose ? report::markdown(reported.study, reported.analysis)
                           : report::summary(reported.study, reported.analysis));
  fmt::print(
      "\nReport: {0}/report.html (report.md, report.json)\nEvery answer: {0}/predictions.h5 "
      "({0}/export/tables/questions.csv)\n",
      folder.string());
}

int run_whole(const comm::Session& session, const study::StudyOptions& options, bool verbose) {
  const comm::StopSignals signals;
  const study::StudyResult result = study::run_study(session, options);
  if (result.state == study::RunState::stopped) return comm::kRunAgain;
  if (!result.predictions) return front::kComplete;
  session.doing("reporting");
  const Reported reported = write_all(options.output_dir);
  study::write_completion_record(options.output_dir);
  print_result(reported, options.output_dir, verbose);
  return front::kComplete;
}

// The study with as many seeds as the rule asks for.
int run_until(const comm::Session& session, study::StudyOptions options, const Until& until,
              bool verbose) {
  const comm::StopSignals signals;
  options.seeds = seeds_so_far(session, options);
  for (;;) {
    options.record["study"]["seeds"] = options.seeds;
    if (study::run_study(session, options).state == study::RunState::stopped)
      return comm::kRunAgain;
    options.overwrite = false;
    Json told;
    if (session.rank() == 0) {
      session.doing("reporting");
      const Reported reported = write_all(options.output_dir);
      const Look now = look(until, reported.analysis, options.rank_groups);
      log::info("{}", now.words);
      if (now.added.empty()) {
        study::write_completion_record(options.output_dir);
        print_result(reported, options.output_dir, verbose);
      }
      told = {{"added", now.added}, {"settled", now.settled}};
    }
    told = Json::parse(comm::broadcast(session, told.dump()));
    const auto added = told.at("added").get<std::vector<std::uint64_t>>();
    if (added.empty())
      return told.at("settled").get<bool>() ? front::kComplete : front::kNotComplete;
    options.seeds.insert(options.seeds.end(), added.begin(), added.end());
  }
}

int print_cells(const study::StudyOptions& options) {
  const auto cells = study::list_cells(options);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    fmt::print("{}\t{}\tseed-{}\n", i, options.arms[cells[i].arm].name, cells[i].seed);
  }
  return front::kComplete;
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
  return front::kComplete;
}

}  // namespace

Work parse_run(Words words) {
  auto study = std::make_shared<study::StudyOptions>();
  RunOptions run;
  const config::Usage usage{
      "run", "A whole study: every arm, seed and task of a job file; continues where it stopped.",
      "tradeoff run jobs/demo.ini --ranks 2 --output-dir results/demo", arms_text()};
  // The command line alone first: it names the job file, which names the tasks.
  config::Problems first;
  study::StudyOptions unused;
  study::ArmOptions unused_arm;
  RunOptions named;
  config::OptionTable table;
  bind_run(table, named, unused, unused_arm, {default_tasks(), default_tasks(), {}});
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
  const auto until = resolve_until(run.until, *study, problems);
  problems.throw_if_any();
  const log::Level level = run.quiet ? log::Level::quiet : log::Level::normal;
  if (run.list_cells || run.list_inputs) {
    const auto print = run.list_cells ? print_cells : print_inputs;
    return {[study, print](const comm::Session& session) {
              return session.rank() == 0 ? print(*study) : front::kComplete;
            },
            level};
  }
  const bool verbose = run.verbose;
  return {[study, until, verbose](const comm::Session& session) {
            return until ? run_until(session, *study, *until, verbose)
                         : run_whole(session, *study, verbose);
          },
          level, study->output_dir / kHeartbeatFolder, run.ranks};
}

}  // namespace tradeoff::app
