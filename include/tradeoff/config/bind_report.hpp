#pragma once
#include "tradeoff/config/table.hpp"
#include "tradeoff/report/options.hpp"

/// All of `report`, `compare` and `plan`.
namespace tradeoff::config {

void bind(Table& table, report::ReportOptions& options);
void bind(Table& table, report::CompareOptions& options);
void bind(Table& table, report::PlanCommandOptions& options);

}  // namespace tradeoff::config
