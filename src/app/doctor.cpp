#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "all_commands.hpp"
#include "doctor_site.hpp"
#include "find_program.hpp"
#include "machine.hpp"
#include "tradeoff/base/build_info.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/model/device.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::app {
namespace {

namespace fs = std::filesystem;

struct DoctorOptions {
  // The model that the default job reads.
  fs::path model = "models/smollm2-135m-instruct";
  // Folder of the tasks' original data.
  fs::path data = "jobs/data";
  bool json = false;
  // Looks at the cluster instead, with all ranks of the launch.
  bool site = false;
  SiteOptions cluster;
};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

double gib(std::uint64_t bytes) {
  return static_cast<double>(bytes) / (1u << 30);
}

// What stands in a model folder, or why it cannot be used.
Json look_at_model(const fs::path& folder) {
  Json found{{"path", folder.string()}, {"usable", false}};
  for (const char* file : {"config.json", "tokenizer.json", "tokenizer_config.json"})
    if (!fs::is_regular_file(folder / file)) {
      found["why"] = fs::exists(folder) ? std::string(file) + " is missing" : "no such folder";
      return found;
    }
  try {
    const Json config = read_json(folder / "config.json");
    found["model_type"] = field_or<std::string>(config, "model_type", "?");
    found["layers"] = field_or<int>(config, "num_hidden_layers", 0);
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().extension() == ".safetensors") bytes += entry.file_size();
    found["weight_bytes"] = bytes;
    found["usable"] = bytes > 0;
    if (bytes == 0) found["why"] = "no .safetensors file in it";
  } catch (const std::exception& error) {
    found["why"] = error.what();
  }
  return found;
}

Json look(const DoctorOptions& options, const comm::Session& session) {
  const Machine machine = look_at_machine();
  Json facts;
  facts["tradeoff"] = {{"version", build_version()}, {"commit", build_commit()}};
  facts["libraries"] = library_versions();
  facts["machine"] = to_json(machine);
  facts["machine"]["memory_free_bytes"] = machine.memory_free_bytes;
  facts["machine"]["why_no_gpu"] = machine.gpu.why_none;
  const c10::Device cpu(c10::kCPU);
  const bool bfloat16 =
      model::pick_dtype(model::DtypeChoice::automatic, cpu) == c10::ScalarType::BFloat16;
  facts["engine"] = {{"gpus", model::gpu_count()},
                     {"cpu_kernels", model::kernels_name(cpu)},
                     {"cpu_dtype", bfloat16 ? "bfloat16" : "float32"}};
  facts["launch"] = {{"mpirun", find_program("mpirun").string()},
                     {"srun", find_program("srun").string()},
                     {"slurm_job", variable("SLURM_JOB_ID")},
                     {"slurm_tasks", variable("SLURM_NTASKS")},
                     {"ranks", session.size()},
                     {"root", ::geteuid() == 0}};
  facts["model"] = look_at_model(options.model);
  facts["data"] = {{"path", options.data.string()}};
  for (const task::Task& task : task::built_in_tasks())
    facts["data"][task.name] = fs::exists(options.data / task.name / task.landmark);
  return facts;
}

std::string joined(const Json& list) {
  const auto words = list.get<std::vector<std::string>>();
  return words.empty() ? "none of interest" : fmt::format("{}", fmt::join(words, " "));
}

void line(std::string_view name, const std::string& text) {
  fmt::print("  {:<11} {}\n", name, text);
}

void print_machine(const Json& facts) {
  const Json& machine = facts["machine"];
  fmt::print("This machine\n");
  line("host", fmt::format("{}, {}", machine["host"].get<std::string>(),
                           machine["system"].get<std::string>()));
  line("processor", machine["processor"].get<std::string>());
  line("cores", fmt::format("{} usable of {}", machine["cores"].get<int>(),
                            machine["machine_cores"].get<int>()));
  line("features", joined(machine["features"]));
  line("memory", fmt::format("{:.1f} GiB, {:.1f} GiB free", gib(machine["memory_bytes"]),
                             gib(machine["memory_free_bytes"])));
  for (const Json& gpu : machine["gpus"])
    line("GPU",
         fmt::format("{}, {:.0f} GiB, compute capability {}", gpu["name"].get<std::string>(),
                     gib(gpu["memory_bytes"]), gpu["compute_capability"].get<std::string>()));
  if (machine["gpus"].empty()) line("GPU", "none: " + machine["why_no_gpu"].get<std::string>());
  const int driver = machine["driver_cuda"];
  if (driver > 0) line("driver", fmt::format("CUDA {}.{}", driver / 1000, driver % 1000 / 10));
}

void print_program(const Json& facts) {
  const Json& libraries = facts["libraries"];
  fmt::print("\nThis program\n");
  line("tradeoff", fmt::format("{}, commit {}", facts["tradeoff"]["version"].get<std::string>(),
                               facts["tradeoff"]["commit"].get<std::string>()));
  for (const auto& [name, version] : libraries.items()) {
    const auto text = version.get<std::string>();
    line(name == "cuda_architectures" ? "for GPUs"
         : name == "cuda_compiler"    ? "CUDA"
                                      : name,
         !text.empty()    ? text
         : name == "nccl" ? "not there"
                          : "off: no CUDA compiler at build time");
  }
}

void print_launch(const Json& facts) {
  const Json& launch = facts["launch"];
  fmt::print("\nLaunch\n");
  const auto program = [&](const char* name) {
    const auto path = launch[name].get<std::string>();
    line(name, path.empty() ? "not on PATH" : path);
  };
  program("mpirun");
  program("srun");
  const auto job = launch["slurm_job"].get<std::string>();
  if (!job.empty())
    line("Slurm",
         fmt::format("in job {}, {} tasks", job, launch["slurm_tasks"].get<std::string>()));
  line("ranks", fmt::format("{} in this launch", launch["ranks"].get<int>()));
  fmt::print("\nData and model\n");
  const Json& model = facts["model"];
  const auto path = model["path"].get<std::string>();
  if (model["usable"].get<bool>())
    line("model", fmt::format("{}: {}, {} layers, {:.2f} GiB of weights", path,
                              model["model_type"].get<std::string>(), model["layers"].get<int>(),
                              gib(model["weight_bytes"])));
  else
    line("model",
         fmt::format("{}: {}; jobs/setup.sh makes it", path, model["why"].get<std::string>()));
  for (const task::Task& task : task::built_in_tasks())
    line(task.name, facts["data"]["path"].get<std::string>() + "/" + task.name +
                        (facts["data"][task.name].get<bool>() ? "" : " is missing"));
}

// What follows from the facts.
void print_verdict(const Json& facts) {
  const Json& machine = facts["machine"];
  const Json& engine = facts["engine"];
  const std::size_t seen = machine["gpus"].size(), gpus = engine["gpus"];
  bool job = facts["model"]["usable"].get<bool>();
  for (const task::Task& task : task::built_in_tasks())
    job = job && (!task.by_default || facts["data"][task.name].get<bool>());
  fmt::print("\nSo it can run\n");
  line("CPU", fmt::format("yes, with {} kernels; --dtype auto is {}",
                          engine["cpu_kernels"].get<std::string>(),
                          engine["cpu_dtype"].get<std::string>()));
  line("GPU", gpus > 0   ? fmt::format("yes, {} rank{}", gpus, gpus == 1 ? "" : "s")
              : seen > 0 ? "no: the program was built without CUDA; run jobs/setup.sh --cuda on"
                         : "no: " + machine["why_no_gpu"].get<std::string>());
  const std::size_t ranks = gpus > 0 ? gpus : 2;
  line("several", facts["launch"]["mpirun"].get<std::string>().empty()
                      ? "no: mpirun is not on PATH (package openmpi-bin)"
                      : fmt::format("yes: tradeoff run JOB.ini --ranks {}", ranks));
  line("default job", job ? "yes: jobs/demo.sh" : "not yet: jobs/demo.sh sets up what is missing");
}

Json to_json(const SiteFinding& finding) {
  Json json = {{"name", finding.name}, {"ok", finding.ok}, {"found", finding.text}};
  if (!finding.ok) json["change"] = finding.fix;
  return json;
}

int tell_site(const DoctorOptions& options, const comm::Session& session) {
  const auto findings = look_at_site(session, options.cluster);
  const bool ok = std::ranges::all_of(findings, &SiteFinding::ok);
  Json json = Json::array();
  for (const SiteFinding& finding : findings) {
    json.push_back(to_json(finding));
    if (options.json) continue;
    fmt::print("{} {:<14} {}\n", finding.ok ? "ok  " : "FAIL", finding.name, finding.text);
    if (!finding.ok && !finding.fix.empty())
      fmt::print("     {:<14} change: {}\n", "", finding.fix);
  }
  if (options.json && !findings.empty()) fmt::print("{}\n", json.dump(2));
  // Every rank ends alike: a launcher reads the first that fails.
  return comm::any(session, !ok) ? front::kFailed : front::kComplete;
}

int doctor(const DoctorOptions& options, const comm::Session& session) {
  if (options.site) return tell_site(options, session);
  if (session.rank() != 0) return front::kComplete;
  const Json facts = look(options, session);
  if (options.json) {
    fmt::print("{}\n", facts.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    print_machine(facts);
    print_program(facts);
    print_launch(facts);
    print_verdict(facts);
  }
  return front::kComplete;
}

}  // namespace

Work parse_doctor(Words words) {
  auto options = std::make_shared<DoctorOptions>();
  config::OptionTable table;
  table.add("model", &options->model, "Model folder of the default job").placeholder("DIR");
  table.add("data", &options->data, "Folder that holds a folder of data for each task")
      .placeholder("DIR");
  table.add("json", &options->json, "Print the facts as JSON");
  table.add("site", &options->site,
            "Inside an allocation, with all of its ranks: launcher, network, shared folder, locks, "
            "space, clocks; exit code 1 where something would fail");
  table
      .add("output_dir", &options->cluster.output_dir, "With --site: where studies will be written")
      .placeholder("DIR");
  table.add("free_gib", &options->cluster.free_gib, "With --site: free space asked for there, GiB")
      .at_least(0);
  table
      .add("max_skew", &options->cluster.skew_s,
           "With --site: largest difference of clocks, seconds")
      .at_least(0);
  if (!config::parse_command_line(
          {"doctor", "Tells what this machine has and what it can therefore run.",
           "tradeoff doctor"},
          table, words))
    return {};
  return {[options](const comm::Session& session) { return doctor(*options, session); }};
}

}  // namespace tradeoff::app
