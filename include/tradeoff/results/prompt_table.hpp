#pragma once
#include <span>
#include <string>
#include <vector>

#include "tradeoff/store/table.hpp"

namespace tradeoff::results {

/// The prompts of a run, one row an item, written so that what they share stands once: column
/// `shared` is how many bytes of the row before begin this one, `rest` what follows them. Cut
/// between characters.
store::Table prompt_table(std::span<const std::string> prompts);
/// The prompts again. Throws Error naming the row where the table is not one of these.
std::vector<std::string> prompts_of(const store::Table& table);

/// Where the prompts of that hash stand in /summary: runs with equal prompts share them.
std::string prompt_table_name(const std::string& prompts_sha256);

}  // namespace tradeoff::results
