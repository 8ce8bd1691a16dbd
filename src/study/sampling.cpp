#include "tradeoff/study/sampling.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/json_field.hpp"
#include "tradeoff/base/log.hpp"

namespace tradeoff::study {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "generation_config.json";

// Keys of generation_config.json that would change what is drawn, with the values that do not.
const std::pair<const char*, double> kNotApplied[] = {{"repetition_penalty", 1},
                                                      {"min_p", 0},
                                                      {"typical_p", 1},
                                                      {"epsilon_cutoff", 0},
                                                      {"eta_cutoff", 0},
                                                      {"no_repeat_ngram_size", 0},
                                                      {"top_h", 0},
                                                      {"encoder_repetition_penalty", 1}};

double number(const Json& config, const char* key, double otherwise) {
  const auto found = config.find(key);
  return found == config.end() || found->is_null() ? otherwise : field<double>(config, key);
}

void warn_of_others(const Json& config, const fs::path& file) {
  std::vector<std::string> others;
  for (const auto& [key, neutral] : kNotApplied) {
    if (const double value = number(config, key, neutral); value != neutral)
      others.push_back(fmt::format("{} {}", key, value));
  }
  if (!others.empty())
    log::warn("{}: {} also stand there and are not applied", file.string(),
              fmt::join(others, ", "));
}

infer::Sampling read_rule(infer::Sampling rule, const Json& config) {
  check(config.is_object() && config.contains("temperature"), "no key \"temperature\"");
  rule.temperature = field<double>(config, "temperature");
  rule.top_p = number(config, "top_p", 1);
  rule.top_k = static_cast<std::int64_t>(number(config, "top_k", 0));
  check(rule.temperature > 0,
        fmt::format("key \"temperature\": found {}, expected above 0", rule.temperature));
  check(rule.top_p > 0 && rule.top_p <= 1,
        fmt::format("key \"top_p\": found {}, expected above 0, at most 1", rule.top_p));
  check(rule.top_k >= 0, fmt::format("key \"top_k\": found {}, expected 0 or more", rule.top_k));
  return rule;
}

}  // namespace

infer::Sampling resolve_sampling(const infer::Sampling& rule, const fs::path& model) {
  if (rule.temperature != kModelTemperature) return rule;
  const fs::path file = model / kFile;
  check(fs::exists(file), file.string() +
                              ": not there; temperature = model takes its values from "
                              "it: give a number");
  const Json config = read_json(file);
  try {
    return read_rule(rule, config);
  } catch (const Error& error) {
    fail(file.string() + ": " + error.what() +
         "; temperature = model takes its values from there: give a number");
  }
}

void tell_model_sampling(const infer::Sampling& rule, const fs::path& model) {
  if (rule.temperature != kModelTemperature) return;
  const fs::path file = model / kFile;
  const infer::Sampling found = resolve_sampling(rule, model);
  log::info("sampling as {} says: temperature {}, top-p {}, top-k {}", file.string(),
            found.temperature, found.top_p,
            found.top_k == 0 ? "none" : std::to_string(found.top_k));
  warn_of_others(read_json(file), file);
}

}  // namespace tradeoff::study
