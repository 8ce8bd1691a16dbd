#include "tradeoff/model/weights.hpp"

#include <fmt/format.h>

namespace tradeoff::model {

std::vector<WeightShape> weight_shapes(const LlamaConfig& c) {
  std::vector<WeightShape> all = {{"model.embed_tokens.weight", {c.vocab_size, c.hidden_size}}};
  for (std::int64_t i = 0; i < c.num_hidden_layers; ++i) {
    const auto add = [&](const char* name, std::vector<std::int64_t> shape) {
      all.push_back({fmt::format("model.layers.{}.{}.weight", i, name), std::move(shape)});
    };
    add("self_attn.q_proj", {c.query_width(), c.hidden_size});
    add("self_attn.k_proj", {c.kv_width(), c.hidden_size});
    add("self_attn.v_proj", {c.kv_width(), c.hidden_size});
    add("self_attn.o_proj", {c.hidden_size, c.query_width()});
    add("mlp.gate_proj", {c.intermediate_size, c.hidden_size});
    add("mlp.up_proj", {c.intermediate_size, c.hidden_size});
    add("mlp.down_proj", {c.hidden_size, c.intermediate_size});
    add("input_layernorm", {c.hidden_size});
    add("post_attention_layernorm", {c.hidden_size});
  }
  all.push_back({"model.norm.weight", {c.hidden_size}});
  if (!c.tie_word_embeddings) all.push_back({"lm_head.weight", {c.vocab_size, c.hidden_size}});
  return all;
}

}  // namespace tradeoff::model
