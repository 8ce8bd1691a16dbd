// A folder in NF4 is the same model in one file and in shards.
#include "tradeoff/model/nf4_folder.hpp"

#include <ATen/ops/randn.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>

#include "tradeoff/model/safetensors.hpp"
#include "tradeoff/model/weights.hpp"

namespace tradeoff::model {
namespace {

namespace fs = std::filesystem;

struct Nf4Folder : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("tradeoff-nf4-" + std::to_string(::getpid()));
  DecoderConfig config = parse_config({{"model_type", "llama"},
                                       {"vocab_size", 64},
                                       {"hidden_size", 64},
                                       {"intermediate_size", 128},
                                       {"num_hidden_layers", 2},
                                       {"num_attention_heads", 2},
                                       {"num_key_value_heads", 1},
                                       {"rope_theta", 10000.0},
                                       {"max_position_embeddings", 64}});
  std::map<std::string, at::Tensor> weights;

  void SetUp() override {
    fs::create_directories(folder);
    for (const WeightShape& weight : weight_shapes(config))
      weights[weight.name] = at::randn(weight.shape);
  }
  void TearDown() override { fs::remove_all(folder); }

  std::int64_t write(std::int64_t shard_bytes) {
    return write_nf4_safetensors(
        folder, config, [&](const std::string& name) { return weights.at(name); }, shard_bytes);
  }
  std::map<std::string, std::string> read() const {
    const StoredTensors checkpoint(folder);
    std::map<std::string, std::string> all;
    for (const std::string& name : checkpoint.names()) {
      const auto bytes = checkpoint.tensor(name).bytes;
      all[name] = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    return all;
  }
};

TEST_F(Nf4Folder, shards_hold_what_one_file_holds_and_take_its_place) {
  const std::int64_t bytes = write(1 << 30);
  EXPECT_TRUE(fs::exists(folder / "model.safetensors"));
  const auto one = read();
  std::ofstream(folder / "model_of_others.safetensors") << "kept";
  EXPECT_EQ(write(10000), bytes);
  EXPECT_TRUE(fs::exists(folder / "model_of_others.safetensors"));
  EXPECT_FALSE(fs::exists(folder / "model.safetensors"));
  const StoredTensors checkpoint(folder);
  EXPECT_GT(checkpoint.files().size(), 3u);
  EXPECT_EQ(read(), one);
  // What makes up one matrix stands in one file.
  for (const fs::path& path : checkpoint.files()) {
    const SafetensorsFile file(path);
    for (const StoredTensor& tensor : file.tensors()) {
      const std::string owner = tensor.name.substr(0, tensor.name.find(".weight") + 7);
      EXPECT_TRUE(std::ranges::any_of(file.tensors(), [&](const StoredTensor& t) {
        return t.name == owner;
      })) << tensor.name;
    }
  }
  write(1 << 30);
  EXPECT_FALSE(fs::exists(folder / "model.safetensors.index.json"));
  EXPECT_EQ(read(), one);
}

}  // namespace
}  // namespace tradeoff::model
