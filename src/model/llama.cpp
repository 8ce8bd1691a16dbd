#include "tradeoff/model/llama.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "tradeoff/base/error.hpp"
#include "tradeoff/model/linear.hpp"
#include "tradeoff/model/ops.hpp"
#include "tradeoff/model/safetensors.hpp"

namespace tradeoff::model {
namespace {

c10::ScalarType scalar_type(const Checkpoint& checkpoint, const StoredTensor& tensor) {
  switch (tensor.dtype) {
    case Dtype::f32: return c10::ScalarType::Float;
    case Dtype::bf16: return c10::ScalarType::BFloat16;
    case Dtype::f16: return c10::ScalarType::Half;
    default:
      fail(fmt::format("{}: tensor {}: dtype {}, expected F32, BF16 or F16", checkpoint.folder().string(), tensor.name,
                       name_of(tensor.dtype)));
  }
}

// Weights of a checkpoint as CPU tensors over the mapped file, shapes checked.
class Weights {
 public:
  Weights(const Checkpoint& checkpoint, const LlamaConfig& config) : checkpoint_(checkpoint) { check_all(config); }

  at::Tensor get(const std::string& name) const {
    const StoredTensor& stored = checkpoint_.tensor(name);
    const auto type = scalar_type(checkpoint_, stored);
    const at::Tensor view = at::from_blob(const_cast<std::byte*>(stored.bytes.data()), stored.shape,
                                          at::TensorOptions(type));
    // float16 has no kernels here; float32 holds its values exactly.
    return type == c10::ScalarType::Half ? view.to(c10::ScalarType::Float) : view;
  }

 private:
  void expect(const std::string& name, const std::vector<std::int64_t>& shape) const {
    const StoredTensor& stored = checkpoint_.tensor(name);
    scalar_type(checkpoint_, stored);
    if (stored.shape != shape) {
      fail(fmt::format("{}: tensor {}: shape [{}], expected [{}] by config.json", checkpoint_.folder().string(), name,
                       fmt::join(stored.shape, ", "), fmt::join(shape, ", ")));
    }
  }

  void check_all(const LlamaConfig& c) const {
    expect("model.embed_tokens.weight", {c.vocab_size, c.hidden_size});
    for (std::int64_t i = 0; i < c.num_hidden_layers; ++i) {
      const std::string at = fmt::format("model.layers.{}.", i);
      expect(at + "input_layernorm.weight", {c.hidden_size});
      expect(at + "post_attention_layernorm.weight", {c.hidden_size});
      expect(at + "self_attn.q_proj.weight", {c.query_width(), c.hidden_size});
      expect(at + "self_attn.k_proj.weight", {c.kv_width(), c.hidden_size});
      expect(at + "self_attn.v_proj.weight", {c.kv_width(), c.hidden_size});
      expect(at + "self_attn.o_proj.weight", {c.hidden_size, c.query_width()});
      expect(at + "mlp.gate_proj.weight", {c.intermediate_size, c.hidden_size});
      expect(at + "mlp.up_proj.weight", {c.intermediate_size, c.hidden_size});
      expect(at + "mlp.down_proj.weight", {c.hidden_size, c.intermediate_size});
    }
    expect("model.norm.weight", {c.hidden_size});
    if (!c.tie_word_embeddings) expect("lm_head.weight", {c.vocab_size, c.hidden_size});
  }

  const Checkpoint& checkpoint_;
};

}  // namespace

struct Llama::Layer {
  at::Tensor input_norm, post_attention_norm;
  Linear qkv, o, gate_up, down;
};

struct Llama::Head {
  Linear linear;
};

Llama::Llama(const std::filesystem::path& folder, const LoadOptions& options)
    : config_(read_config(folder / "config.json")), options_(options) {
  const c10::InferenceMode inference;
  load(folder);
}
Llama::~Llama() = default;
Llama::Llama(Llama&&) noexcept = default;

void Llama::load(const std::filesystem::path& folder) {
  const Checkpoint checkpoint(folder);
  const Weights weights(checkpoint, config_);
  const auto linear = [&](const at::Tensor& weight) { return Linear(weight, options_.device, options_.dtype); };
  const auto vector = [&](const std::string& name) {
    return weights.get(name).to(options_.device, options_.dtype, /*non_blocking=*/false, /*copy=*/true);
  };
  const at::Tensor embedding = weights.get("model.embed_tokens.weight");
  // Kept in the stored dtype: rows are converted when they are looked up.
  embedding_ = options_.device.is_cpu() ? embedding.clone() : embedding.to(options_.device, options_.dtype);
  head_ = std::make_unique<Head>(
      Head{linear(config_.tie_word_embeddings ? embedding : weights.get("lm_head.weight"))});
  final_norm_ = vector("model.norm.weight");
  for (std::int64_t i = 0; i < config_.num_hidden_layers; ++i) {
    const std::string at = fmt::format("model.layers.{}.", i);
    const auto get = [&](const char* name) { return weights.get(at + name); };
    Layer layer;
    layer.input_norm = vector(at + "input_layernorm.weight");
    layer.post_attention_norm = vector(at + "post_attention_layernorm.weight");
    layer.qkv = linear(at::cat({get("self_attn.q_proj.weight"), get("self_attn.k_proj.weight"), get("self_attn.v_proj.weight")}));
    layer.o = linear(get("self_attn.o_proj.weight"));
    layer.gate_up = Linear::gated(get("mlp.gate_proj.weight"), get("mlp.up_proj.weight"), options_.device, options_.dtype);
    layer.down = linear(get("mlp.down_proj.weight"));
    layers_.push_back(std::move(layer));
  }
}

KvArena Llama::make_arena(std::int64_t capacity) const {
  KvArena arena;
  const auto options = at::TensorOptions(options_.dtype).device(options_.device);
  for (std::int64_t i = 0; i < config_.num_hidden_layers; ++i) {
    arena.k.push_back(at::empty({capacity, config_.num_key_value_heads, config_.head_dim}, options));
    arena.v.push_back(at::empty({capacity, config_.num_key_value_heads, config_.head_dim}, options));
  }
  return arena;
}

// [positions, head_dim] float32: cosines, then sines. Grown when longer sequences come.
const at::Tensor& Llama::cos_sin(std::int64_t positions) {
  if (cos_sin_.defined() && cos_sin_.size(0) >= positions) return cos_sin_;
  const std::int64_t rows = std::max<std::int64_t>(positions, 2048);
  const at::Tensor frequencies = at::tensor(inverse_frequencies(config_), at::TensorOptions(c10::ScalarType::Float));
  const at::Tensor angles = at::outer(at::arange(rows, at::TensorOptions(c10::ScalarType::Float)), frequencies);
  cos_sin_ = at::cat({at::cos(angles), at::sin(angles)}, 1).to(options_.device);
  return cos_sin_;
}

at::Tensor Llama::forward(const Pass& pass, KvArena& arena) {
  const c10::InferenceMode inference;
  const double scale = 1.0 / std::sqrt(static_cast<double>(config_.head_dim));
  const at::Tensor& rotation = cos_sin(pass.max_position + 1);
  at::Tensor hidden = embedding_.index_select(0, pass.ids).to(options_.dtype);  // [T, D]
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const at::Tensor qkv = layer.qkv.apply(rms_norm(hidden, layer.input_norm, config_.rms_norm_eps));
    const at::Tensor q = rope_scatter(qkv, rotation, pass.position, pass.kv_row, config_.num_attention_heads, arena.k[i],
                                      arena.v[i]);
    at::Tensor attended = attend(q, arena.k[i], arena.v[i], pass.pattern, scale);
    if (i + 1 == layers_.size()) {
      // Nothing reads the other rows after the last attention.
      attended = attended.index_select(0, pass.out_rows);
      hidden = hidden.index_select(0, pass.out_rows);
    }
    hidden = layer.o.apply_add(attended, hidden);
    const at::Tensor gated = layer.gate_up.apply_gated(rms_norm(hidden, layer.post_attention_norm, config_.rms_norm_eps));
    hidden = layer.down.apply_add(gated, hidden);
  }
  return rms_norm(hidden, final_norm_, config_.rms_norm_eps);
}

at::Tensor Llama::logits(const at::Tensor& hidden) const {
  const c10::InferenceMode inference;
  return head_->linear.apply_float(hidden);
}

}  // namespace tradeoff::model
