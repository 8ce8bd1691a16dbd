#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tradeoff/comm/session.hpp"

namespace tradeoff::app {

/// One thing that a study needs of a cluster, looked at.
struct SiteFinding {
  std::string name;  // "launch"
  bool ok = true;
  std::string text;  // what was found
  std::string fix;   // where it is wrong: what to change, mostly a variable of slurm/site.sh
};

struct SiteOptions {
  // Where studies will be written; made where it is missing.
  std::filesystem::path output_dir = "results";
  // Free space that is asked for there, GiB.
  double free_gib = 5;
  // Largest difference of the hosts' clocks, seconds: heartbeats are told by them.
  double skew_s = 2;
};

/// What `doctor --site` does inside an allocation, with all of its ranks; under a minute.
/// Collective. The findings, in a fixed order, on rank 0; an empty list elsewhere.
std::vector<SiteFinding> look_at_site(const comm::Session& session, const SiteOptions& options);

}  // namespace tradeoff::app
