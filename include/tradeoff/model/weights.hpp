#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tradeoff/model/config.hpp"

namespace tradeoff::model {

struct WeightShape {
  std::string name;
  std::vector<std::int64_t> shape;  // [out, in], [vocab, hidden], or of a norm or bias [columns]
};

/// The products of a block. The rows of q, k, v follow one another, and those of gate and up.
enum class Product { qkv, o, gate_up, down };
/// The modules whose rows make up a product, in order, as they stand on disk:
/// "model.layers.3.self_attn.q_proj", ...
std::vector<std::string> modules_of(const DecoderConfig& config, std::int64_t layer,
                                    Product product);
bool has_bias(const DecoderConfig& config, Product product);
/// "model.layers.3." and a norm's name of NormNames, and ".weight".
std::string norm_name(std::int64_t layer, const std::string& norm);

/// Every tensor of a decoder of this shape. lm_head.weight only where it is not tied.
std::vector<WeightShape> weight_shapes(const DecoderConfig& config);

}  // namespace tradeoff::model
