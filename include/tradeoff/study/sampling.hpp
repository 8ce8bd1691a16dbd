#pragma once
#include <cstdint>
#include <filesystem>

#include "tradeoff/infer/sampling.hpp"

namespace tradeoff::study {

/// Temperature of `--temperature model`: that of the model folder.
inline constexpr double kModelTemperature = -1;

/// The keys of SamplingOptions in jobs, records and on the command line.
inline constexpr const char* kSamplingKeys[] = {"temperature", "top_p", "top_k", "samples",
                                                "sample_seed"};

/// How written answers are drawn. Log-probabilities of choices are not sampled.
struct SamplingOptions {
  infer::Sampling rule;
  // Seed of the draws, beside the replicate seed.
  std::uint64_t sample_seed = 0;
};

/// The rule with the temperature, top-p and top-k of the folder's generation_config.json where the
/// temperature is the model's. Throws Error naming file and key where one is missing or out of its
/// range.
infer::Sampling resolve_sampling(const infer::Sampling& rule, const std::filesystem::path& model);
/// Says what a rule that is the model's came to, and what else stands in the file and is not
/// applied; nothing of another rule.
void tell_model_sampling(const infer::Sampling& rule, const std::filesystem::path& model);

}  // namespace tradeoff::study
