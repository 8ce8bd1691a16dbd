#pragma once
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/seed.hpp"
#include "tradeoff/model/config.hpp"
#include "tradeoff/model/safetensors.hpp"
#include "tradeoff/model/weights.hpp"

namespace tradeoff::testing {

/// A model folder with random-normal float32 weights (no tokenizer), removed by the destructor.
class RandomModel {
 public:
  explicit RandomModel(const model::DecoderConfig& config, std::uint64_t seed = 1,
                       double deviation = 0.05)
      : folder_(std::filesystem::temp_directory_path() /
                ("tradeoff-model-" + std::to_string(::getpid()) + "-" + std::to_string(next()++))) {
    std::filesystem::create_directories(folder_);
    std::vector<model::TensorSpec> specs;
    for (const auto& weight : model::weight_shapes(config))
      specs.push_back({weight.name, model::Dtype::f32, weight.shape});
    SeedStream stream(seed, "weights");
    std::vector<float> values;
    model::write_safetensors(folder_ / "model.safetensors", specs, [&](std::size_t i) {
      values.resize(specs[i].bytes() / 4);
      const bool norm = specs[i].shape.size() == 1;
      for (float& value : values) {
        const double radius = std::sqrt(-2 * std::log(1 - stream.uniform())),
                     angle = 2 * M_PI * stream.uniform();
        value = static_cast<float>((norm ? 1 : 0) + deviation * radius * std::cos(angle));
      }
      return std::as_bytes(std::span(values));
    });
    write_atomically(folder_ / "config.json", model::to_json(config, "float32").dump());
  }
  ~RandomModel() { std::filesystem::remove_all(folder_); }
  RandomModel(const RandomModel&) = delete;
  RandomModel& operator=(const RandomModel&) = delete;
  const std::filesystem::path& folder() const { return folder_; }

 private:
  static int& next() {
    static int count = 0;
    return count;
  }
  std::filesystem::path folder_;
};

inline model::DecoderConfig small_config() {
  return model::parse_config({{"model_type", "llama"},
                              {"vocab_size", 517},
                              {"hidden_size", 128},
                              {"intermediate_size", 200},
                              {"num_hidden_layers", 3},
                              {"num_attention_heads", 4},
                              {"num_key_value_heads", 2},
                              {"head_dim", 32},
                              {"max_position_embeddings", 4096},
                              {"rope_theta", 500000},
                              {"rope_scaling",
                               {{"rope_type", "llama3"},
                                {"factor", 8},
                                {"low_freq_factor", 1},
                                {"high_freq_factor", 4},
                                {"original_max_position_embeddings", 256}}}});
}

/// Prompts in families: a common root, some middles, unequal ends; an equal pair and a prefix of
/// another among them.
inline std::vector<std::vector<std::int32_t>> family_prompts(std::int64_t vocabulary,
                                                             std::uint64_t seed = 3) {
  SeedStream stream(seed, "prompts");
  const auto extend = [&](std::vector<std::int32_t> ids, std::size_t count) {
    while (count-- > 0) ids.push_back(static_cast<std::int32_t>(stream.below(vocabulary)));
    return ids;
  };
  std::vector<std::vector<std::int32_t>> prompts;
  const auto root = extend({}, 70);
  for (int group = 0; group < 4; ++group) {
    const auto middle = extend(root, 40);
    for (int i = 0; i < 5; ++i) prompts.push_back(extend(middle, 1 + stream.below(30)));
  }
  prompts.push_back(extend({}, 9));
  prompts.push_back(prompts[0]);
  prompts.push_back({prompts[1].begin(), prompts[1].end() - 1});
  return prompts;
}

}  // namespace tradeoff::testing
