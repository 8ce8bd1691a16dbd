// Numbers in model files that no model has: each is refused where it is read, by file and key.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/model/config.hpp"
#include "tradeoff/model/safetensors.hpp"
#include "tradeoff/model/stored_weights.hpp"
#include "tradeoff/model/weights.hpp"

namespace tradeoff::model {
namespace {

namespace fs = std::filesystem;

Json tiny() {
  return {{"model_type", "llama"},         {"vocab_size", 32},       {"hidden_size", 16},
          {"intermediate_size", 24},       {"num_hidden_layers", 1}, {"num_attention_heads", 2},
          {"max_position_embeddings", 64}, {"rms_norm_eps", 1e-5},   {"rope_theta", 10000.0},
          {"tie_word_embeddings", true},   {"eos_token_id", {2, 31}}};
}

struct HostileNumbers : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("tradeoff-numbers-" + std::to_string(::getpid()));

  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }

  void put(const std::string& name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
  }
  static std::string message_of(const std::function<void()>& act) {
    try {
      act();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  std::string of_config(const std::string& key, const std::string& value) {
    Json json = tiny();
    json.erase(key);
    std::string text = json.dump();
    text.insert(1, "\"" + key + "\":" + value + ",");
    put("config.json", text);
    return message_of([&] { read_config(folder / "config.json"); });
  }
};

TEST_F(HostileNumbers, of_a_config_are_refused_by_file_and_key) {
  put("config.json", tiny().dump());
  EXPECT_NO_THROW(read_config(folder / "config.json"));
  const std::pair<const char*, const char*> cases[] = {{"num_hidden_layers", "16777216"},
                                                       {"num_hidden_layers", "4294967297"},
                                                       {"num_hidden_layers", "0"},
                                                       {"num_hidden_layers", "1.5"},
                                                       {"vocab_size", "-1"},
                                                       {"vocab_size", "18446744073709551615"},
                                                       {"head_dim", "7"},
                                                       {"head_dim", "2147483646"},
                                                       {"rms_norm_eps", "-1e-5"},
                                                       {"rms_norm_eps", "1e999"},
                                                       {"rope_theta", "-10000"},
                                                       {"rope_theta", "0"},
                                                       {"rope_theta", "\"NaN\""},
                                                       {"rope_theta", "NaN"},
                                                       {"hidden_size", "null"}};
  for (const auto& [key, value] : cases) {
    const std::string what = of_config(key, value);
    EXPECT_TRUE(what.starts_with((folder / "config.json").string() + ": ")) << key << ": " << what;
    // What is no JSON at all has no key.
    const bool is_json = std::string_view(value) != "NaN" && std::string_view(value) != "1e999";
    EXPECT_TRUE(!is_json || what.find(key) != std::string::npos) << what;
  }
}

TEST_F(HostileNumbers, of_end_tokens_are_refused) {
  const auto eos = [&](const std::string& value) {
    put("config.json", R"({"eos_token_id":)" + value + "}");
    return message_of([&] { read_eos_ids(folder, 32); });
  };
  put("config.json", tiny().dump());
  EXPECT_EQ(read_eos_ids(folder, 32), (std::vector<std::int32_t>{2, 31}));
  for (const char* value : {"-1", "32", "[2, 32]", "2.5", "2.0", "4294967298", "[4294967298]",
                            "\"2\"", "true", "18446744073709551618"}) {
    const std::string what = eos(value);
    EXPECT_TRUE(what.starts_with((folder / "config.json").string())) << value << ": " << what;
  }
  put("config.json", tiny().dump());
  put("generation_config.json", "[]");
  const std::string what = message_of([&] { read_eos_ids(folder, 32); });
  EXPECT_EQ(what, (folder / "generation_config.json").string() + ": expected a JSON object");
}

TEST_F(HostileNumbers, of_weights_are_refused_by_tensor_name) {
  put("config.json", tiny().dump());
  const DecoderConfig config = read_config(folder / "config.json");
  const std::string broken = "model.layers.0.self_attn.k_proj.weight";
  for (const float bad :
       {1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    std::vector<TensorSpec> specs;
    for (const auto& weight : weight_shapes(config))
      specs.push_back({weight.name, Dtype::f32, weight.shape});
    std::vector<float> values;
    write_safetensors(folder / "model.safetensors", specs, [&](std::size_t i) {
      values.assign(specs[i].bytes() / 4, 0.5f);
      if (specs[i].name == broken) values.back() = bad;
      return std::as_bytes(std::span(values));
    });
    const StoredWeights weights(folder, config, Quantization::as_stored);
    EXPECT_NO_THROW(weights.get("model.norm.weight"));
    const std::string what = message_of([&] { weights.get(broken); });
    EXPECT_NE(what.find(std::isfinite(bad) ? "no error" : broken), std::string::npos) << what;
  }
}

}  // namespace
}  // namespace tradeoff::model
