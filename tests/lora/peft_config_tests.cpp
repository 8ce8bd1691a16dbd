#include "tradeoff/lora/peft_config.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "tradeoff/base/error.hpp"

namespace tradeoff::lora {
namespace {

namespace fs = std::filesystem;
using model::Projection;

// A folder with an adapter_config.json and an empty file of weights.
class PeftConfigTest : public testing::Test {
 protected:
  PeftConfigTest()
      : folder_(fs::path(testing::TempDir()) /
                testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    std::ofstream(folder_ / kWeightsFile).flush();
  }
  ~PeftConfigTest() override { fs::remove_all(folder_); }

  PeftConfig read(const std::string& changes) {
    Json json = {
        {"peft_type", "LORA"}, {"r", 8}, {"lora_alpha", 16}, {"target_modules", {"q_proj"}}};
    json.update(Json::parse(changes));
    std::ofstream(folder_ / kConfigFile) << json.dump();
    return read_peft_config(folder_);
  }
  static model::DecoderConfig model_of(std::int64_t layers, bool fused = false) {
    model::DecoderConfig config;
    config.num_hidden_layers = layers;
    config.fused_tensors = fused;
    return config;
  }
  AdapterForm form(const std::string& changes, std::int64_t layers = 4, bool fused = false) {
    return form_of(folder_, read(changes), model_of(layers, fused));
  }
  // The text of the error; empty: none.
  std::string error(const std::string& changes) {
    try {
      form(changes);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  }
  void expect_refused(const std::string& changes, const std::string& key,
                      const std::string& found) {
    const std::string what = error(changes);
    const std::string start = (folder_ / kConfigFile).string() + ": " + key + ": found " + found;
    EXPECT_TRUE(what.starts_with(start)) << changes << "\n" << what << "\n" << start;
    EXPECT_NE(what.find("expected"), std::string::npos) << what;
  }

  fs::path folder_;
};

int rank_of(const AdapterForm& form, std::size_t layer, Projection projection) {
  return form.at(layer)[static_cast<std::size_t>(projection)].lora_r;
}
double scaling_of(const AdapterForm& form, std::size_t layer, Projection projection) {
  return form.at(layer)[static_cast<std::size_t>(projection)].scaling;
}

// As PEFT 0.21.2 writes it.
constexpr const char* kWritten = R"({
  "alora_invocation_tokens": null, "alpha_pattern": {}, "arrow_config": null, "auto_mapping": null,
  "base_model_name_or_path": null, "bias": "none", "corda_config": null,
  "ensure_weight_tying": false, "eva_config": null, "exclude_modules": null,
  "fan_in_fan_out": false, "inference_mode": false, "init_lora_weights": true,
  "kasa_config": null, "layer_replication": null, "layers_pattern": null,
  "layers_to_transform": null, "loftq_config": {}, "lora_alpha": 8, "lora_bias": false,
  "lora_dropout": 0.0, "lora_ga_config": null, "megatron_config": null,
  "megatron_core": "megatron.core", "modules_to_save": null, "monteclora_config": null,
  "peft_type": "LORA", "peft_version": "0.21.2", "qalora_group_size": 16, "r": 8,
  "rank_pattern": {}, "revision": null, "target_modules": ["q_proj"], "target_parameters": null,
  "task_type": null, "trainable_token_indices": null, "use_bdlora": null, "use_dora": false,
  "use_qalora": false, "use_rslora": false, "velora_config": null})";

TEST_F(PeftConfigTest, EveryKeyAsPeftWritesIt) {
  EXPECT_EQ(error(kWritten), "");
}

TEST_F(PeftConfigTest, HarmlessValues) {
  for (const char* changes :
       {R"({"init_lora_weights": false})", R"({"init_lora_weights": "gaussian"})",
        R"({"init_lora_weights": "orthogonal"})", R"({"init_lora_weights": "eva"})",
        R"({"eva_config": {"rho": 2.0}})", R"({"loftq_config": {"loftq_bits": 4}})",
        R"({"modules_to_save": []})", R"({"task_type": "CAUSAL_LM"})",
        R"({"runtime_config": {"ephemeral_gpu_offload": false}})"}) {
    EXPECT_EQ(error(changes), "");
  }
}

TEST_F(PeftConfigTest, RefusedByKey) {
  const std::pair<const char*, const char*> cases[] = {
      {"peft_type", "\"VERA\""},
      {"task_type", "\"SEQ_CLS\""},
      {"bias", "\"lora_only\""},
      {"use_dora", "true"},
      {"lora_bias", "true"},
      {"fan_in_fan_out", "true"},
      {"use_qalora", "true"},
      {"megatron_config", "{}"},
      {"alora_invocation_tokens", "[1]"},
      {"velora_config", "{}"},
      {"monteclora_config", "{}"},
      {"arrow_config", "{}"},
      {"kasa_config", "{}"},
      {"use_bdlora", "{}"},
      {"modules_to_save", "[\"lm_head\"]"},
      {"layer_replication", "[[0,2]]"},
      {"trainable_token_indices", "[3]"},
      {"target_parameters", "[\"x\"]"},
      {"a_key_of_the_future", "null"},
      {"init_lora_weights", "\"pissa\""},
      {"init_lora_weights", "\"pissa_niter_4\""},
      {"init_lora_weights", "\"olora\""},
      {"init_lora_weights", "\"corda\""},
      {"init_lora_weights", "\"lora_ga\""},
      {"init_lora_weights", "\"loftq\""},
      {"init_lora_weights", "\"mica\""},
      {"init_lora_weights", "3"},
      {"target_modules", "null"},
      {"target_modules", "[]"},
      {"rank_pattern", "[1]"},
      {"layers_pattern", "\"layers\""},
      {"lora_alpha", "0"},
  };
  for (const auto& [key, value] : cases)
    expect_refused("{\"" + std::string(key) + "\": " + value + "}", key, value);
  expect_refused(R"({"target_modules": "all-linear", "layers_to_transform": [1]})",
                 "layers_to_transform", "[1]");
}

TEST_F(PeftConfigTest, NumbersOutOfRange) {
  for (const char* value : {"4294967300", "1099511627776", "18446744073709551615", "0", "-4", "8.0",
                            "true", "null", "65537"}) {
    expect_refused("{\"r\": " + std::string(value) + "}", "r", value);
  }
  expect_refused(R"({"rank_pattern": {"q_proj": 4294967300}})", "rank_pattern: q_proj",
                 "4294967300");
  expect_refused(R"({"alpha_pattern": {"q_proj": "2"}})", "alpha_pattern: q_proj", "\"2\"");
  expect_refused(R"({"layers_to_transform": [0, 4294967296]})", "layers_to_transform",
                 "4294967296");
}

TEST_F(PeftConfigTest, Scaling) {
  EXPECT_EQ(scaling_of(form("{}"), 0, Projection::q), 2.0);
  EXPECT_EQ(scaling_of(form(R"({"use_rslora": true})"), 0, Projection::q), 16 / std::sqrt(8.0));
}

TEST_F(PeftConfigTest, PatternsMatchNamesAndEndings) {
  const AdapterForm found = form(R"({"target_modules": ["q_proj", "v_proj", "up_proj"],
      "rank_pattern": {"2.self_attn.q_proj": 3, "q_proj": 5, "_proj": 7},
      "alpha_pattern": {".*mlp.*": 32, "proj": 9}})");
  EXPECT_EQ(rank_of(found, 2, Projection::q), 3);
  EXPECT_EQ(rank_of(found, 1, Projection::q), 5);
  // An ending begins after a dot.
  EXPECT_EQ(rank_of(found, 1, Projection::v), 8);
  EXPECT_EQ(scaling_of(found, 1, Projection::v), 2.0);
  EXPECT_EQ(scaling_of(found, 1, Projection::up), 4.0);
  EXPECT_EQ(rank_of(found, 1, Projection::k), 0);
}

TEST_F(PeftConfigTest, LayersAndWholeNames) {
  const AdapterForm found = form(R"({"target_modules": ["q_proj", "model.layers.3.mlp.up_proj"],
      "layers_to_transform": [1], "exclude_modules": ["0.self_attn.q_proj"]})");
  EXPECT_EQ(rank_of(found, 0, Projection::q), 0);
  EXPECT_EQ(rank_of(found, 1, Projection::q), 8);
  // A whole name counts in any layer.
  EXPECT_EQ(rank_of(found, 3, Projection::up), 8);
  // 1 is not 11.
  const AdapterForm deep = form(R"({"layers_to_transform": 1, "layers_pattern": ["layers"]})", 12);
  EXPECT_EQ(rank_of(deep, 1, Projection::q), 8);
  EXPECT_EQ(rank_of(deep, 11, Projection::q), 0);
}

TEST_F(PeftConfigTest, ExpressionsMatchTheWholeName) {
  const AdapterForm found = form(R"({"target_modules": ".*\\.[13]\\.self_attn\\.(q|v)_proj"})");
  EXPECT_EQ(rank_of(found, 1, Projection::q), 8);
  EXPECT_EQ(rank_of(found, 2, Projection::q), 0);
  EXPECT_EQ(rank_of(found, 3, Projection::v), 8);
  EXPECT_NE(error(R"({"target_modules": "q_proj"})").find("target_modules: no product"),
            std::string::npos);
}

TEST_F(PeftConfigTest, ExpressionsThatTheLanguagesReadDifferently) {
  for (const char* text : {"(?i).*Q_PROJ", "(?P<x>.*)q_proj", "(?<=m).*q_proj", ".*+q_proj",
                           "(.)++q_proj", "[]a]*", "[[:alpha:]]*", "\\\\A.*q_proj", ".*q_proj\\\\Z",
                           "(.)\\\\1.*", "(", "a)(b", "q{,2}", "\xc3\xa9"}) {
    const std::string what = error(R"({"target_modules": ")" + std::string(text) + "\"}");
    EXPECT_NE(what.find("adapter_config.json: target_modules: found \""), std::string::npos)
        << text << ": " << what;
  }
  // A pattern cannot close the group around it.
  expect_refused(R"x({"rank_pattern": {"q_proj)|(?:v_proj": 4}})x", "rank_pattern",
                 "\"q_proj)|(?:v_proj\"");
}

TEST_F(PeftConfigTest, TargetsOutsideTheBlocks) {
  for (const char* targets : {R"(["q_proj", "lm_head"])", R"(".*")", R"(["embed_tokens"])"}) {
    const std::string what = error("{\"target_modules\": " + std::string(targets) + "}");
    EXPECT_NE(what.find("which carries no update here"), std::string::npos) << what;
  }
  const AdapterForm all = form(R"({"target_modules": "all-linear"})");
  for (const Projection projection : model::projections_of(model_of(4)))
    EXPECT_EQ(rank_of(all, 3, projection), 8);
  EXPECT_EQ(rank_of(all, 3, Projection::qkv), 0);
}

TEST_F(PeftConfigTest, FusedProducts) {
  const AdapterForm all = form(R"({"target_modules": "all-linear"})", 4, true);
  EXPECT_EQ(target_names(all),
            (std::vector<std::string>{"o_proj", "down_proj", "qkv_proj", "gate_up_proj"}));
  const AdapterForm some = form(R"({"target_modules": ["qkv_proj"]})", 4, true);
  EXPECT_EQ(rank_of(some, 2, Projection::qkv), 8);
  EXPECT_EQ(rank_of(some, 2, Projection::o), 0);
  // PEFT leaves out names that the model has not, as long as one is there.
  EXPECT_EQ(target_names(form(R"({"target_modules": ["q_proj", "o_proj"]})", 4, true)),
            std::vector<std::string>{"o_proj"});
  EXPECT_THROW(form(R"({"target_modules": ["qkv_proj"]})"), Error);
  EXPECT_THROW(form(R"({"target_modules": ["q_proj"]})", 4, true), Error);
  // An option of the program names what is there or nothing.
  EXPECT_THROW(parse_targets({"q_proj"}, model_of(4, true)), Error);
  EXPECT_THROW(parse_targets({"gate_up_proj"}, model_of(4)), Error);
  EXPECT_EQ(parse_targets({"all-linear"}, model_of(4, true)).size(), 4U);
}

TEST_F(PeftConfigTest, TrainingWantsAllAlike) {
  read(R"({"target_modules": ".*_proj", "use_rslora": true, "rank_pattern": {"nothing": 2}})");
  const LoraOptions options = read_peft_options(folder_, model_of(4));
  EXPECT_EQ(options.target_modules.size(), 7U);
  EXPECT_TRUE(options.use_rslora);
  for (const char* changes :
       {R"({"rank_pattern": {"0.self_attn.q_proj": 2}})", R"({"layers_to_transform": [0]})",
        R"({"alpha_pattern": {"q_proj": 3}})", R"({"exclude_modules": ["1.self_attn.q_proj"]})"}) {
    read(changes);
    EXPECT_THROW(read_peft_options(folder_, model_of(4)), Error) << changes;
  }
}

TEST_F(PeftConfigTest, RecordHoldsWhatDecidesTheResult) {
  read(R"({"target_modules": ["v_proj", "q_proj"], "rank_pattern": {}, "use_rslora": false})");
  EXPECT_EQ(peft_record(folder_).dump(),
            R"({"lora_r":8,"lora_alpha":16.0,"target_modules":["q_proj","v_proj"]})");
  read(R"({"target_modules": ".*q_proj", "use_rslora": true, "alpha_pattern": {"q_proj": 3}})");
  EXPECT_EQ(peft_record(folder_).dump(),
            R"({"lora_r":8,"lora_alpha":16.0,"target_modules":".*q_proj","use_rslora":true,)"
            R"("alpha_pattern":{"q_proj":3}})");
}

// Trying all ways through one of these would take years.
TEST_F(PeftConfigTest, ExpressionsTakeTimeByTheirLength) {
  for (const char* expression : {"(.|.)*(.|.)*x", "(((.*)*)*)*x", "(a|.)*(a|.)*(a|.)*[^o]j"}) {
    const std::string what = error(fmt::format(R"({{"target_modules": "{}"}})", expression));
    EXPECT_NE(what.find("no product of the model"), std::string::npos) << what;
  }
  EXPECT_EQ(rank_of(form(R"({"target_modules": "(.|.)*(.|.)*_proj"})"), 1, Projection::up), 8);
}

// std::regex computes a count as a long and overflows.
TEST_F(PeftConfigTest, ExpressionsWithHugeCountsAreRefused) {
  for (const char* expression :
       {"q_proj{3333333333333333333}", "(q_proj){0,99999}", ".*{10000,}"}) {
    const std::string what = error(fmt::format(R"({{"target_modules": "{}"}})", expression));
    EXPECT_NE(what.find("expected counts of at most 4 digits"), std::string::npos) << what;
  }
  EXPECT_EQ(rank_of(form(R"({"target_modules": ".{1,9999}_proj"})"), 1, Projection::up), 8);
}

TEST_F(PeftConfigTest, PickleIsNotRead) {
  read("{}");
  fs::rename(folder_ / kWeightsFile, folder_ / "adapter_model.bin");
  const std::string what = error("{}");
  EXPECT_NE(what.find("adapter_model.bin: a pickle is not read"), std::string::npos) << what;
  EXPECT_NE(what.find("save_file"), std::string::npos) << what;
}

}  // namespace
}  // namespace tradeoff::lora
