#pragma once
#include <string>
#include <vector>

#include "tradeoff/report/analysis/analysis.hpp"

namespace tradeoff::report {

/// What two arms cost on one task by the study's ledger, training included; empty where the ledger
/// does not have them.
std::vector<stats::ArmCost> pilot_costs(const Study& study, const std::string& a,
                                        const std::string& b, const std::string& task);

/// What `plan` tells where nothing is stated: of each default task its small draw, then of each the
/// full set; one seed.
std::vector<stats::PlanOptions> default_plans();

/// The design put into `options` from a pilot's two arms, and the margin that its study states.
/// Fields named in `stated` ("questions", "discordance", ...) keep what they have. Throws Error
/// naming the file's arms for an arm or task that is not there.
stats::PlanOptions plan_of_pilot(stats::PlanOptions options, const std::vector<std::string>& stated,
                                 const Study& study, const stats::ScoreTable& a,
                                 const stats::ScoreTable& b);

}  // namespace tradeoff::report
