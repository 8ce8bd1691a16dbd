#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include "load/weight_loader.hpp"
#include "tradeoff/model/decoder.hpp"
#include "tradeoff/model/device.hpp"
#include "tradeoff/model/stored_weights.hpp"
#include "tradeoff/model/weights.hpp"

namespace tradeoff::model {
namespace {

constexpr std::array kProducts = {Product::qkv, Product::o, Product::gate_up, Product::down};
// Layers whose files are read before the first of them is put together.
constexpr std::int64_t kLayersAhead = 2;

std::vector<std::string> tensors_of(const DecoderConfig& config, std::int64_t layer,
                                    Product product, const char* ending) {
  std::vector<std::string> names;
  for (const std::string& module : modules_of(config, layer, product))
    names.push_back(module + ending);
  return names;
}

// One product of a layer on its way.
struct ComingProduct {
  bool packed = false;  // it stays in NF4
  WeightLoader::Coming weight, bias;
};

at::Tensor norm_of(const StoredWeights& weights, const DecoderConfig& config,
                   const std::string& name, c10::Device device) {
  if (name.empty()) return {};
  // float32, so that 1 + w is not rounded.
  const at::Tensor weight = weights.get(name).to(c10::ScalarType::Float, false, /*copy=*/true);
  return (config.norm_adds_one ? weight.add(1) : weight).to(device);
}

Block::Norms norms_of(const StoredWeights& weights, const DecoderConfig& config, std::int64_t layer,
                      c10::Device device) {
  const auto norm = [&](const std::string& name) {
    return norm_of(weights, config, name.empty() ? name : norm_name(layer, name), device);
  };
  const NormNames& names = config.norms;
  const bool qk = config.qk_norm != QkNorm::none;
  return {norm(names.before_attention), norm(names.after_attention), norm(names.before_mlp),
          norm(names.after_mlp),        norm(qk ? names.q : ""),     norm(qk ? names.k : "")};
}

}  // namespace

void Decoder::load(const StoredWeights& weights) {
  quantised_ = weights.quantised();
  nf4_packed_ =
      quantised_ && keeps_packed(options_.nf4_residency, config_, memory_bytes(options_.device));
  WeightLoader loader(weights, options_.device, options_.dtype);
  auto coming_embedding = loader.begin({"model.embed_tokens.weight"});
  WeightLoader::Coming coming_head;
  if (!config_.tie_word_embeddings) coming_head = loader.begin({"lm_head.weight"});
  layers_ = load_layers(weights, loader);
  const at::Tensor embedding = loader.take(std::move(coming_embedding));
  // On the CPU in the stored dtype: rows are converted when they are looked up.
  embedding_ = options_.device.is_cpu() ? embedding.clone() : embedding;
  head_ = Linear(config_.tie_word_embeddings ? embedding : loader.take(std::move(coming_head)),
                 options_.device, options_.dtype);
  final_norm_ = norm_of(weights, config_, "model.norm.weight", options_.device);
  release_unused(options_.device);  // what quantising and dequantising took
}

std::vector<Block> Decoder::load_layers(const StoredWeights& weights, WeightLoader& loader) const {
  const auto begin = [&](std::int64_t layer) {
    std::array<ComingProduct, kProducts.size()> products;
    for (std::size_t i = 0; i < kProducts.size(); ++i) {
      const auto names = tensors_of(config_, layer, kProducts[i], ".weight");
      products[i].packed = nf4_packed_ && std::ranges::all_of(names, [&](const std::string& name) {
                             return weights.is_nf4(name);
                           });
      products[i].weight = loader.begin(names);
      if (has_bias(config_, kProducts[i]))
        products[i].bias = loader.begin(tensors_of(config_, layer, kProducts[i], ".bias"));
    }
    return products;
  };
  const auto product = [&](ComingProduct& coming, Product kind) {
    const Columns columns = kind == Product::gate_up ? Columns::gated : Columns::plain;
    Linear linear;
    if (coming.packed) {
      linear = Linear::quantised(loader.take_nf4(std::move(coming.weight)), columns,
                                 options_.device, options_.dtype, config_.activation);
    } else {
      const at::Tensor dense = loader.take(std::move(coming.weight));
      linear = columns == Columns::plain
                   ? Linear(dense, options_.device, options_.dtype)
                   : Linear::gated(dense, config_.activation, options_.device, options_.dtype);
    }
    if (!coming.bias.names.empty()) linear.set_bias(loader.take(std::move(coming.bias)));
    return linear;
  };
  std::deque<std::array<ComingProduct, kProducts.size()>> coming;
  std::vector<Block> blocks;
  for (std::int64_t i = 0, begun = 0; i < config_.num_hidden_layers; ++i) {
    for (; begun < std::min(config_.num_hidden_layers, i + 1 + kLayersAhead); ++begun)
      coming.push_back(begin(begun));
    Block block(config_, i);
    block.norms = norms_of(weights, config_, i, options_.device);
    auto& [qkv, o, gate_up, down] = coming.front();
    block.qkv = product(qkv, Product::qkv);
    block.o = product(o, Product::o);
    block.gate_up = product(gate_up, Product::gate_up);
    block.down = product(down, Product::down);
    coming.pop_front();
    blocks.push_back(std::move(block));
  }
  return blocks;
}

void Decoder::prepare_backward() {
  if (backward_ready_ || !options_.device.is_cpu()) return;
  const c10::InferenceMode inference;
  const StoredWeights weights(folder_, config_, options_.quantization);
  WeightLoader loader(weights, options_.device, options_.dtype);
  for (std::int64_t i = 0; i < config_.num_hidden_layers; ++i) {
    Block& layer = layers_[static_cast<std::size_t>(i)];
    const auto prepare = [&](Linear& linear, Product product) {
      if (nf4_packed_) return;
      linear.prepare_backward(
          loader.take(loader.begin(tensors_of(config_, i, product, ".weight"))));
    };
    prepare(layer.qkv, Product::qkv);
    prepare(layer.o, Product::o);
    prepare(layer.gate_up, Product::gate_up);
    prepare(layer.down, Product::down);
  }
  head_.prepare_backward(config_.tie_word_embeddings ? embedding_ : weights.get("lm_head.weight"));
  backward_ready_ = true;
}

}  // namespace tradeoff::model
