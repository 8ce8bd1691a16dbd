#pragma once
#include <string>
#include <vector>

namespace tradeoff::sql {

/// Statements that write, leak, hang, bloat or crash, for the concert_singer database.
std::vector<std::string> hostile_statements();

}  // namespace tradeoff::sql
