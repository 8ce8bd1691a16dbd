#include "tradeoff/model/weights.hpp"

#include <fmt/format.h>

namespace tradeoff::model {
namespace {

std::int64_t rows_of(const DecoderConfig& c, Product product, std::size_t module) {
  switch (product) {
    case Product::qkv:
      if (c.fused_tensors) return c.query_width() + 2 * c.kv_width();
      return module == 0 ? c.query_width() : c.kv_width();
    case Product::gate_up:
      return c.fused_tensors ? 2 * c.intermediate_size : c.intermediate_size;
    case Product::o:
    case Product::down:
      break;
  }
  return c.hidden_size;
}

std::int64_t columns_of(const DecoderConfig& c, Product product) {
  if (product == Product::o) return c.query_width();
  return product == Product::down ? c.intermediate_size : c.hidden_size;
}

void add_layer(const DecoderConfig& c, std::int64_t layer, std::vector<WeightShape>& all) {
  const auto each = {Product::qkv, Product::o, Product::gate_up, Product::down};
  for (const Product product : each) {
    const auto modules = modules_of(c, layer, product);
    for (std::size_t i = 0; i < modules.size(); ++i)
      all.push_back({modules[i] + ".weight", {rows_of(c, product, i), columns_of(c, product)}});
  }
  const auto norm = [&](const std::string& name, std::int64_t size) {
    if (!name.empty()) all.push_back({norm_name(layer, name), {size}});
  };
  norm(c.norms.before_attention, c.hidden_size);
  norm(c.norms.after_attention, c.hidden_size);
  norm(c.norms.before_mlp, c.hidden_size);
  norm(c.norms.after_mlp, c.hidden_size);
  if (c.qk_norm != QkNorm::none) {
    const bool all_heads = c.qk_norm == QkNorm::all_heads;
    norm(c.norms.q, all_heads ? c.query_width() : c.head_dim);
    norm(c.norms.k, all_heads ? c.kv_width() : c.head_dim);
  }
  for (const Product product : each) {
    if (!has_bias(c, product)) continue;
    const auto modules = modules_of(c, layer, product);
    for (std::size_t i = 0; i < modules.size(); ++i)
      all.push_back({modules[i] + ".bias", {rows_of(c, product, i)}});
  }
}

}  // namespace

std::vector<std::string> modules_of(const DecoderConfig& config, std::int64_t layer,
                                    Product product) {
  const auto named = [&](std::initializer_list<const char*> names) {
    std::vector<std::string> all;
    for (const char* name : names) all.push_back(fmt::format("model.layers.{}.{}", layer, name));
    return all;
  };
  switch (product) {
    case Product::qkv:
      if (config.fused_tensors) return named({"self_attn.qkv_proj"});
      return named({"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"});
    case Product::o:
      return named({"self_attn.o_proj"});
    case Product::gate_up:
      if (config.fused_tensors) return named({"mlp.gate_up_proj"});
      return named({"mlp.gate_proj", "mlp.up_proj"});
    case Product::down:
      break;
  }
  return named({"mlp.down_proj"});
}

bool has_bias(const DecoderConfig& config, Product product) {
  if (product == Product::qkv) return config.qkv_bias;
  return product == Product::o ? config.o_bias : config.mlp_bias;
}

std::string norm_name(std::int64_t layer, const std::string& norm) {
  return fmt::format("model.layers.{}.{}.weight", layer, norm);
}

std::vector<WeightShape> weight_shapes(const DecoderConfig& c) {
  std::vector<WeightShape> all = {{"model.embed_tokens.weight", {c.vocab_size, c.hidden_size}}};
  for (std::int64_t i = 0; i < c.num_hidden_layers; ++i) add_layer(c, i, all);
  all.push_back({"model.norm.weight", {c.hidden_size}});
  if (!c.tie_word_embeddings) all.push_back({"lm_head.weight", {c.vocab_size, c.hidden_size}});
  return all;
}

}  // namespace tradeoff::model
