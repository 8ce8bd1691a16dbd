#pragma once
#include "tradeoff/config/table.hpp"
#include "tradeoff/report/options.hpp"

/// All of `report`, `compare` and `plan`.
namespace tradeoff::config {

void bind(OptionTable& table, report::ReportOptions& options);
void bind(OptionTable& table, report::CompareOptions& options);
void bind(OptionTable& table, report::PlanCommandOptions& options);

}  // namespace tradeoff::config
