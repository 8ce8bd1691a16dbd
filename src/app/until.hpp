#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tradeoff/comm/session.hpp"
#include "tradeoff/config/table.hpp"
#include "tradeoff/report/analysis/analysis.hpp"
#include "tradeoff/study/options.hpp"

namespace tradeoff::app {

/// `run --until RULE`: seeds are added to a study until the difference of every arm from the
/// reference is known so far, by an interval that stays true however often one looks.
struct UntilOptions {
  std::string rule;  // "TASK.exec +-2 points"; empty: the job's seeds alone
  std::uint64_t max_seeds = 20;
};
void bind_until(config::OptionTable& table, UntilOptions& options);

struct Until {
  std::string task;
  double half_width = 0;  // a share
  std::uint64_t max_seeds = 0;
};
/// Adds to `problems` what is wrong with the rule, or cannot be met in this study; enters it in the
/// study's record.
std::optional<Until> resolve_until(const UntilOptions& options, study::StudyOptions& study,
                                   config::Problems& problems);

/// The seeds of the study in its folder where it is this one after some were added, else the job's.
/// Collective.
std::vector<std::uint64_t> seeds_so_far(const comm::Session& session,
                                        const study::StudyOptions& study);

/// What comes after a look at a whole study.
struct Look {
  std::vector<std::uint64_t> added;  // seeds to go on with; empty: it ends
  bool settled = false;              // the rule is met
  std::string words;
};
/// `at_once`: cells that are computed at the same time; so many seeds are added.
Look look(const Until& until, const report::Analysis& analysis, std::uint64_t at_once);

}  // namespace tradeoff::app
