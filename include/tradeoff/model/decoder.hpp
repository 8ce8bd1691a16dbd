#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "tradeoff/model/adapter.hpp"
#include "tradeoff/model/attention.hpp"
#include "tradeoff/model/block.hpp"
#include "tradeoff/model/config.hpp"
#include "tradeoff/model/linear.hpp"
#include "tradeoff/model/nf4_folder.hpp"
#include "tradeoff/model/weights.hpp"

namespace tradeoff::model {

class StoredWeights;
class WeightLoader;

/// Where the weights of an NF4 model are kept: as they are and dequantised layer by layer for every
/// product (a small card), or dequantised once to bfloat16 (full speed). On CUDA packed weights
/// multiply few rows from their codes, which rounds otherwise; else both give the same numbers.
/// automatic: bf16 where it takes at most half of the memory.
enum class Nf4Residency { automatic, packed, bf16 };

/// What `automatic` stands for where there is so much memory: whether the weights stay packed.
bool keeps_packed(Nf4Residency residency, const DecoderConfig& config, std::int64_t memory_bytes);

struct LoadOptions {
  c10::Device device = c10::Device(c10::kCPU);
  // Activations: float32 or bfloat16.
  c10::ScalarType dtype = c10::ScalarType::Float;
  Quantization quantization = Quantization::as_stored;
  // Of models used in NF4.
  Nf4Residency nf4_residency = Nf4Residency::automatic;
};

/// Keys and values of every token that later tokens may see.
struct KvArena {
  std::vector<at::Tensor> k, v;  // one a layer, each [capacity, kv_heads, head_dim]
  std::int64_t capacity() const { return k.empty() ? 0 : k.front().size(0); }
};

/// Packed tokens of one pass.
struct Pass {
  at::Tensor ids;                 // int64 [T] on the model's device
  at::Tensor position;            // int64 [T]: position within the token's own sequence
  at::Tensor kv_row;              // int64 [T]: where its keys and values go in the arena
  at::Tensor out_rows;            // int64 [R]: the rows whose hidden state is wanted
  std::int64_t max_position = 0;  // the greatest of position
  AttentionPattern pattern;
};

/// One new token of each of R texts, in tensors that stay where they are from step to step.
struct Step {
  at::Tensor ids, position, kv_row;  // int64 [R], as in Pass
  KeyChains chains;
  std::int64_t max_position = 0;  // that position may reach
};

/// A decoder of any family of families.hpp on one device. Not thread-safe.
class Decoder {
 public:
  /// Reads config.json and the checkpoint of a model folder. Every name and shape is checked before
  /// anything is allocated on the device; errors name the tensor, its shape and the expected one.
  Decoder(const std::filesystem::path& folder, const LoadOptions& options);
  const DecoderConfig& config() const { return config_; }
  c10::Device device() const { return options_.device; }
  c10::ScalarType dtype() const { return options_.dtype; }

  /// From now on the products carry these updates, unmerged; the values are copied. nullptr: the
  /// base alone. Throws Error unless they fit the model.
  void set_adapter(const AdapterWeights* adapter);

  KvArena make_arena(std::int64_t capacity) const;

  /// Runs the tokens, writes their keys and values, returns the final hidden states of out_rows
  /// after the last norm: [R, D].
  at::Tensor forward(const Pass& pass, KvArena& arena);
  /// The same of a step of decoding, where takes_chains(device(), config().head_dim): [R, D].
  at::Tensor forward(const Step& step, KvArena& arena);
  /// Changes whenever something that a step reads, besides its own tensors and the arena, has
  /// moved.
  std::int64_t revision() const { return revision_; }
  /// float32 logits [R, vocab] of hidden states [R, D].
  at::Tensor logits(const at::Tensor& hidden) const;

  // For training, which walks the layers itself.
  const std::vector<Block>& layers() const { return layers_; }
  /// The updates of one layer's fused products as set_adapter lays them out, of any tensors of that
  /// form (gradients).
  BlockParts parts_of(const AdapterWeights& adapter, std::int64_t layer) const;
  const Linear& head() const { return head_; }
  const at::Tensor& final_norm() const { return final_norm_; }
  /// Rows of the embedding in the activations' dtype, [T, D].
  at::Tensor embed(const at::Tensor& ids) const;
  /// Rotations of positions 0, 1, ... in a layer, at least `positions` rows: float32 [rows,
  /// rotary_dim], cosines, then sines. Throws Error where the model does not reach that far.
  at::Tensor rotation(std::int64_t layer, std::int64_t positions);
  /// The gradient at head().apply_float's result for one at logits(), both float32 [R, vocab];
  /// `logits` are those of logits().
  at::Tensor logits_backward(const at::Tensor& dlogits, const at::Tensor& logits) const;
  /// Keeps what Linear::apply_transposed needs, of every layer and the head. Reads the model folder
  /// again.
  void prepare_backward();
  /// True where the weights stay in NF4.
  bool nf4_packed() const { return nf4_packed_; }
  /// True where the linear layers are those of NF4.
  bool quantised() const { return quantised_; }
  const std::filesystem::path& folder() const { return folder_; }

 private:
  void load(const StoredWeights& weights);
  std::vector<Block> load_layers(const StoredWeights& weights, WeightLoader& loader) const;
  at::Tensor run_layers(const at::Tensor& ids, BlockPass pass, std::int64_t max_position,
                        const at::Tensor& out_rows, KvArena& arena);

  std::filesystem::path folder_;
  DecoderConfig config_;
  LoadOptions options_;
  bool quantised_ = false, nf4_packed_ = false, backward_ready_ = false;
  at::Tensor embedding_, final_norm_;
  std::int64_t revision_ = 0;
  std::vector<at::Tensor> rotations_;  // by rope; the last: no rotation
  Linear head_;
  std::vector<Block> layers_;
};

}  // namespace tradeoff::model
