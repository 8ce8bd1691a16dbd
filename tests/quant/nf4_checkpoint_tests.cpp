#include "tradeoff/quant/nf4_checkpoint.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linspace.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "tradeoff/base/error.hpp"

namespace tradeoff::quant {
namespace {

const std::string kName = "model.layers.3.self_attn.q_proj.weight";
const std::string kState = kName + std::string(kQuantStateSuffix);
using StoredTensors = std::map<std::string, at::Tensor>;

Nf4Weight example(const Nf4Options& options = {}) {
  return quantise(at::linspace(-1, 2, 300 * 65).reshape({300, 65}).to(at::kBFloat16), options);
}

StoredTensors checkpoint_of(const Nf4Weight& weight) {
  StoredTensors checkpoint;
  for (const auto& [key, tensor] : to_tensors(weight, kName)) checkpoint[key] = tensor;
  return checkpoint;
}

Nf4Weight load(const StoredTensors& checkpoint) {
  return from_tensors(kName, [&](const std::string& key) {
    const auto found = checkpoint.find(key);
    return found == checkpoint.end() ? at::Tensor() : found->second;
  });
}

at::Tensor text_tensor(const std::string& text) {
  const at::Tensor tensor = at::empty({static_cast<std::int64_t>(text.size())}, at::kByte);
  std::memcpy(tensor.mutable_data_ptr(), text.data(), text.size());
  return tensor;
}

std::string failure(const StoredTensors& checkpoint) {
  try {
    load(checkpoint);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Nf4Checkpoint, the_quant_state_is_the_text_that_python_writes) {
  Nf4Weight weight = example();
  const auto with_offset = [&](double offset) {
    weight.nested_offset = offset;
    const std::string json = quant_state_json(weight);
    const auto at = json.find("offset\": ") + 9;
    return json.substr(at, json.size() - at - 1);
  };
  weight.nested_offset = 2.6013996601104736;
  EXPECT_EQ(
      quant_state_json(weight),
      R"({"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [300, 65], )"
      R"("nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 2.6013996601104736})");
  EXPECT_EQ(with_offset(3), "3.0");
  EXPECT_EQ(with_offset(0.0001), "0.0001");
  EXPECT_EQ(with_offset(0.00001), "1e-05");
  EXPECT_EQ(with_offset(1e15), "1000000000000000.0");
  EXPECT_EQ(with_offset(1e16), "1e+16");
  EXPECT_EQ(with_offset(0.02f), "0.019999999552965164");
  EXPECT_EQ(quant_state_json(example({.double_quant = false})),
            R"({"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [300, 65]})");
}

TEST(Nf4Checkpoint, a_weight_comes_back_from_its_tensors) {
  for (const bool double_quant : {true, false}) {
    const Nf4Weight weight = example({.blocksize = 128, .double_quant = double_quant});
    const StoredTensors checkpoint = checkpoint_of(weight);
    EXPECT_EQ(checkpoint.size(), double_quant ? 6 : 4);
    const Nf4Weight loaded = load(checkpoint);
    EXPECT_EQ(loaded.shape, weight.shape);
    EXPECT_EQ(loaded.dtype, weight.dtype);
    EXPECT_EQ(loaded.nested(), double_quant);
    EXPECT_EQ(loaded.nested_offset, weight.nested_offset);
    EXPECT_TRUE(at::equal(dequantise(loaded), dequantise(weight)));
  }
}

TEST(Nf4Checkpoint, bytes_stored_under_another_dtype_are_the_same_weight) {
  const Nf4Weight weight = quantise(at::linspace(-1, 2, 64 * 64).reshape({64, 64}));
  StoredTensors checkpoint = checkpoint_of(weight);
  checkpoint[kName] = weight.packed.view(-1).view(at::kBFloat16).reshape({-1, 1});
  EXPECT_TRUE(at::equal(dequantise(load(checkpoint)), dequantise(weight)));
}

TEST(Nf4Checkpoint, keys_beside_the_weight_are_known_as_its_parts) {
  for (const auto& [key, tensor] : to_tensors(example(), kName)) {
    EXPECT_EQ(is_nf4_part(key), key != kName) << key;
  }
  EXPECT_FALSE(is_nf4_part("model.norm.weight"));
  EXPECT_FALSE(is_nf4_part("absmax"));
}

TEST(Nf4Checkpoint, what_is_missing_or_wrong_is_named) {
  const StoredTensors good = checkpoint_of(example());
  for (const auto& [key, tensor] : good) {
    StoredTensors bad = good;
    bad.erase(key);
    EXPECT_EQ(failure(bad), key + ": missing, though the checkpoint holds this weight in NF4");
  }
  const auto with_state = [&](const std::string& json) {
    StoredTensors bad = good;
    bad[kState] = text_tensor(json);
    return failure(bad);
  };
  EXPECT_EQ(with_state(R"({"quant_type": "fp4"})"),
            kState + ": quant_type is \"fp4\", expected nf4");
  EXPECT_EQ(with_state("{\"quant_type\": " + std::string(100'000, '[')),
            kState + ": nested deeper than 256 levels");
  EXPECT_EQ(with_state(R"({"quant_type": "nf4"})"), kState + ": missing key \"blocksize\"");
  EXPECT_EQ(
      with_state(R"({"quant_type": "nf4", "blocksize": 64, "dtype": "int8", "shape": [300, 65]})"),
      kState + ": dtype is \"int8\", expected float32, bfloat16 or float16");
  EXPECT_TRUE(with_state("not JSON").starts_with(kState + ": "));
  EXPECT_EQ(
      with_state(
          R"({"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [300, 66]})"),
      kName + ": NF4: the packed weight is Byte [9750, 1] on cpu, expected Byte [9900, 1] on cpu");
  EXPECT_EQ(
      with_state(
          R"({"quant_type": "nf4", "blocksize": 0, "dtype": "bfloat16", "shape": [300, 65]})"),
      kName + ": NF4: blocksize is 0, expected a power of two from 32 to 4096");

  EXPECT_EQ(
      with_state(
          R"({"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [4294967296, 4294967296]})"),
      kName +
          ": NF4: shape is [4294967296, 4294967296], expected sizes above 0 and their product "
          "below 2^63");
  EXPECT_EQ(
      with_state(
          R"({"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [300, 65]})"),
      kName + ": NF4: absmax is Byte [305] on cpu, expected Float [305] on cpu");

  StoredTensors other_map = good;
  other_map[kName + ".quant_map"] = at::linspace(-1, 1, 16);
  EXPECT_EQ(failure(other_map), kName + ".quant_map: not the 16 values of NF4");
}

TEST(Nf4Checkpoint, a_weight_with_infinity_is_not_written) {
  at::Tensor values = at::linspace(-1, 1, 256);
  values.mutable_data_ptr<float>()[7] = INFINITY;
  EXPECT_THROW(to_tensors(quantise(values), kName), Error);
}

}  // namespace
}  // namespace tradeoff::quant
