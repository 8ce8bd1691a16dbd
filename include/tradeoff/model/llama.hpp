#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "tradeoff/model/attention.hpp"
#include "tradeoff/model/config.hpp"

namespace tradeoff::model {

struct LoadOptions {
  c10::Device device = c10::Device(c10::kCPU);
  // Activations: float32 or bfloat16.
  c10::ScalarType dtype = c10::ScalarType::Float;
};

/// Keys and values of every token that later tokens may see.
struct KvArena {
  std::vector<at::Tensor> k, v;  // one a layer, each [capacity, kv_heads, head_dim]
  std::int64_t capacity() const { return k.empty() ? 0 : k.front().size(0); }
};

/// Packed tokens of one pass.
struct Pass {
  at::Tensor ids;       // int64 [T] on the model's device
  at::Tensor position;  // int64 [T]: position within the token's own sequence
  at::Tensor kv_row;    // int64 [T]: where its keys and values go in the arena
  at::Tensor out_rows;  // int64 [R]: the rows whose hidden state is wanted
  std::int64_t max_position = 0;  // the greatest of position
  AttentionPattern pattern;
};

/// A LlamaForCausalLM on one device. Not thread-safe.
class Llama {
 public:
  /// Reads config.json and the checkpoint of a model folder. Every name and shape is checked before anything is
  /// allocated on the device; errors name the tensor, its shape and the expected one.
  Llama(const std::filesystem::path& folder, const LoadOptions& options);
  ~Llama();
  Llama(Llama&&) noexcept;

  const LlamaConfig& config() const { return config_; }
  c10::Device device() const { return options_.device; }
  c10::ScalarType dtype() const { return options_.dtype; }

  KvArena make_arena(std::int64_t capacity) const;

  /// Runs the tokens, writes their keys and values, returns the final hidden states of out_rows after the last norm: [R, D].
  at::Tensor forward(const Pass& pass, KvArena& arena);
  /// float32 logits [R, vocab] of hidden states [R, D].
  at::Tensor logits(const at::Tensor& hidden) const;

 private:
  struct Layer;
  void load(const std::filesystem::path& folder);
  const at::Tensor& cos_sin(std::int64_t positions);

  LlamaConfig config_;
  LoadOptions options_;
  at::Tensor embedding_, final_norm_, cos_sin_;
  struct Head;
  std::unique_ptr<Head> head_;
  std::vector<Layer> layers_;
};

}  // namespace tradeoff::model
