#include "doctor_site.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>
#include <optional>

#include "doctor_nccl.hpp"
#include "machine.hpp"
#include "tradeoff/base/build_info.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_lock.hpp"
#include "tradeoff/base/launcher.hpp"
#include "tradeoff/base/progress.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/comm/shared_folder.hpp"
#include "tradeoff/model/device.hpp"

namespace tradeoff::app {
namespace {

namespace fs = std::filesystem;

// Ranks of each host, in the order of their first rank: "node1 x 4, node2 x 4".
std::string layout(const std::vector<std::string>& hosts) {
  std::vector<std::pair<std::string, int>> counts;
  for (const std::string& host : hosts) {
    const auto found = std::ranges::find(counts, host, &std::pair<std::string, int>::first);
    if (found == counts.end())
      counts.emplace_back(host, 1);
    else
      ++found->second;
  }
  std::string text;
  for (const auto& [host, count] : counts)
    text += fmt::format("{}{} x {}", text.empty() ? "" : ", ", host, count);
  return text;
}

SiteFinding look_at_launch(const comm::Session& session) {
  SiteFinding finding{"launch", true, "", ""};
  const auto hosts = comm::gather(session, session.host());
  const Launch launch = launch_of_environment();
  const std::string how = !launch.joins()                      ? "one process without a launcher"
                          : launch.by == Launch::By::srun_pmix ? "srun with PMIx"
                                                               : "mpirun";
  finding.text = fmt::format("{}: {} ranks, {}", how, session.size(), layout(hosts));
  try {
    comm::refuse_singleton(session, "doctor --site");
  } catch (const Error& error) {
    return {"launch", false, error.what(),
            "SITE_LAUNCHER=mpirun, where this Slurm has no PMIx of the program's MPI"};
  }
  return finding;
}

// Ranks whose builds or kernels differ would give other bytes, or none.
SiteFinding look_at_versions(const comm::Session& session, const c10::Device& device) {
  const Json own = {{"commit", build_commit()},
                    {"version", build_version()},
                    {"libraries", library_versions()},
                    {"kernels", model::kernels_name(device)}};
  try {
    comm::agree(session, "build and kernels", to_line(own));
  } catch (const Error& error) {
    return {"versions", false, error.what(),
            "SITE_MODULES and TRADEOFF_PROGRAM: one build everywhere; SITE_EXTRA=--constraint=... "
            "for nodes of one kind"};
  }
  return {"versions", true,
          fmt::format("commit {}, {} kernels on all ranks", own["commit"].get<std::string>(),
                      own["kernels"].get<std::string>()),
          ""};
}

SiteFinding look_at_devices(const comm::Session& session) {
  const auto told = comm::gather(session, fmt::format("{} GPUs seen, {} ranks on the host",
                                                      model::gpu_count(), session.local_size()));
  std::map<std::string, std::vector<int>> holders;
  for (std::size_t rank = 0; rank < told.size(); ++rank)
    holders[told[rank]].push_back(static_cast<int>(rank));
  std::string text;
  for (const auto& [what, ranks] : holders)
    text += fmt::format("{}{} (rank {})", text.empty() ? "" : "; ", what, fmt::join(ranks, ", "));
  return {"devices", true, text, ""};
}

// Rank 0's view of a sum over all ranks; bandwidth as all-reduces are compared: 2 (n - 1) / n of
// the bytes, over the time.
SiteFinding look_at_mpi(const comm::Session& session) {
  if (session.size() == 1) return {"MPI", true, "one rank: nothing to sum", ""};
  constexpr int kTimes = 3;
  std::vector<float> values(std::size_t{4} << 20, 1.0f);
  comm::all_reduce_sum(session, std::span(values).first(1024));
  std::ranges::fill(values, 1.0f);
  const Stopwatch clock;
  for (int i = 0; i < kTimes; ++i) comm::all_reduce_sum(session, std::span(values));
  const double seconds = clock.seconds() / kTimes;
  const auto n = static_cast<float>(session.size());
  const bool right = values.front() == n * n * n && values.back() == n * n * n;
  const double bytes = 2.0 * (n - 1) / n * static_cast<double>(values.size() * sizeof(float));
  if (!right)
    return {"MPI", false,
            fmt::format("a sum of ones over {} ranks is {}", session.size(), values.front()),
            "SITE_MODULES: the MPI that the program was built with"};
  return {"MPI", true,
          fmt::format("all-reduce of {} MiB in {:.1f} ms, {:.2f} GB/s",
                      values.size() * sizeof(float) >> 20, 1000 * seconds, bytes / seconds / 1e9),
          ""};
}

SiteFinding look_at_folder(const comm::Session& session, const SiteOptions& options) {
  try {
    comm::check_shared_folder(session, options.output_dir);
  } catch (const Error& error) {
    return {"shared folder", false, error.what(),
            "--output-dir (and TRADEOFF_ROOT) on a file system that all nodes mount"};
  }
  return {"shared folder", true, fs::absolute(options.output_dir).string() + ": seen by all ranks",
          ""};
}

// What rank 0 holds nobody else may get.
SiteFinding look_at_locks(const comm::Session& session, const SiteOptions& options) {
  const fs::path file = options.output_dir / "doctor.lock";
  std::optional<FileLock> held;
  std::string fault;
  const auto take = [&](std::chrono::milliseconds patience) {
    held.reset();
    held.emplace(file, LockKind::flock, patience);
  };
  if (session.rank() == 0) {
    try {
      take(std::chrono::seconds(5));
    } catch (const Error& error) {
      fault = error.what();
    }
  }
  fault = comm::broadcast(session, fault);
  bool got_twice = false;
  if (fault.empty() && session.rank() != 0) {
    try {
      take(std::chrono::milliseconds(0));
      got_twice = true;
    } catch (const Error&) {
      // As it should be.
    }
  }
  const auto told = comm::gather(session, got_twice ? session.host() : std::string());
  held.reset();
  std::error_code ignored;
  if (session.rank() == 0) fs::remove(file, ignored);
  std::vector<std::string> twice;
  for (std::size_t rank = 0; rank < told.size(); ++rank) {
    if (!told[rank].empty()) twice.push_back(fmt::format("rank {} on {}", rank, told[rank]));
  }
  const std::string fix = "run with --lock file behind the job's name, or another --output-dir";
  if (!fault.empty()) return {"locks", false, fault, fix};
  if (!twice.empty())
    return {"locks", false,
            fmt::format("{} got the lock that rank 0 on {} holds", fmt::join(twice, ", "),
                        session.host()),
            fix};
  return {"locks", true,
          session.size() == 1 ? "flock works here" : "flock keeps the other ranks out", ""};
}

SiteFinding look_at_space(const SiteOptions& options) {
  struct statvfs info {};
  check_errno(::statvfs(options.output_dir.c_str(), &info),
              "statvfs " + options.output_dir.string());
  const double free =
      static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize) / (1u << 30);
  return {"free space", free >= options.free_gib,
          fmt::format("{:.1f} GiB, expected {:.1f}", free, options.free_gib),
          "--output-dir on a larger file system, or --free-gib"};
}

SiteFinding look_at_clocks(const comm::Session& session, const SiteOptions& options) {
  comm::barrier(session);
  const double own =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  double extremes[2] = {own, -own};
  comm::all_reduce_max(session, std::span<double>(extremes));
  const double skew = extremes[0] + extremes[1];
  return {"clocks", skew <= options.skew_s,
          fmt::format("{:.0f} ms apart at most, a barrier included", 1000 * skew),
          "nothing in site.sh: tell the administrator that the nodes' clocks differ"};
}

}  // namespace

std::vector<SiteFinding> look_at_site(const comm::Session& session, const SiteOptions& options) {
  std::vector<SiteFinding> findings{look_at_launch(session)};
  if (!findings.back().ok) return findings;
  findings.push_back(look_at_devices(session));
  std::optional<c10::Device> device;
  try {
    device = model::pick_device(model::DeviceChoice::automatic, session.local_rank(),
                                session.local_size());
  } catch (const Error& error) {
    findings.back() = {"devices", false, error.what(),
                       "SITE_GPUS_PER_NODE as many as SITE_RANKS_PER_NODE"};
  }
  if (comm::any(session, !device)) {
    if (device) findings.back() = {"devices", false, "another rank has no device of its own", ""};
    return session.rank() == 0 ? findings : std::vector<SiteFinding>();
  }
  findings.push_back(look_at_versions(session, *device));
  findings.push_back(look_at_mpi(session));
  findings.push_back(look_at_nccl(session, *device));
  findings.push_back(look_at_folder(session, options));
  if (comm::any(session, !findings.back().ok))
    return session.rank() == 0 ? findings : std::vector<SiteFinding>();
  findings.push_back(look_at_locks(session, options));
  findings.push_back(look_at_space(options));
  findings.push_back(look_at_clocks(session, options));
  return session.rank() == 0 ? findings : std::vector<SiteFinding>();
}

}  // namespace tradeoff::app
