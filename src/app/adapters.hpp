#pragma once
#include <filesystem>

#include "tradeoff/config/problems.hpp"
#include "tradeoff/config/table.hpp"
#include "tradeoff/lora/options.hpp"

namespace tradeoff::app {

/// A training that starts from the PEFT adapter in `folder` has its rank, alpha and targets: sets
/// them in `lora`, whose names `table` holds. What was given and says otherwise is a problem; so
/// is, at `where`, an adapter that does not fit the model in `model`.
void take_over(const config::OptionTable& table, const std::filesystem::path& model,
               const std::filesystem::path& folder, const std::string& where,
               lora::LoraOptions& lora, config::Problems& problems);

/// A PEFT adapter that does not fit the model is a problem at `where`.
void check_fits(const std::filesystem::path& model, const std::filesystem::path& folder,
                const std::string& where, config::Problems& problems);

}  // namespace tradeoff::app
