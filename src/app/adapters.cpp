#include "adapters.hpp"

#include <fmt/format.h>

#include "tradeoff/base/error.hpp"
#include "tradeoff/lora/peft.hpp"
#include "tradeoff/lora/peft_config.hpp"
#include "tradeoff/model/config.hpp"

namespace tradeoff::app {

void take_over(const config::OptionTable& table, const std::filesystem::path& model,
               const std::filesystem::path& folder, const std::string& where,
               lora::LoraOptions& lora, config::Problems& problems) {
  lora::LoraOptions found;
  lora::LoraOptions asked;
  try {
    const model::DecoderConfig config = model::read_config(model / "config.json");
    found = lora::read_peft_options(folder, config);
    asked = lora::normalised(lora, config);
  } catch (const Error& error) {
    problems.add(where, error.what());
    return;
  }
  const auto compare = [&](const char* name, const auto& theirs, const auto& ours) {
    if (table.given(name) && !(theirs == ours)) {
      problems.add(table.where(name),
                   fmt::format("found {}, but the adapter in {} has {}", Json(ours).dump(),
                               folder.string(), Json(theirs).dump()));
    }
  };
  compare("lora_r", found.lora_r, asked.lora_r);
  compare("lora_alpha", found.lora_alpha, asked.lora_alpha);
  compare("target_modules", found.target_modules, asked.target_modules);
  if (table.given("lora_dropout")) found.lora_dropout = lora.lora_dropout;
  lora = found;
}

void check_fits(const std::filesystem::path& model, const std::filesystem::path& folder,
                const std::string& where, config::Problems& problems) {
  try {
    lora::read_peft(folder, model::read_config(model / "config.json"));
  } catch (const Error& error) {
    problems.add(where,
                 fmt::format("the adapter does not fit {}: {}", model.string(), error.what()));
  }
}

}  // namespace tradeoff::app
