#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>

#include "tradeoff/model/config.hpp"
#include "tradeoff/model/nf4_folder.hpp"
#include "tradeoff/model/safetensors.hpp"
#include "tradeoff/quant/nf4.hpp"

namespace tradeoff::model {

/// Throws Error naming the first tensor of `checkpoint` that a decoder of this shape does not read,
/// save what is known to be of no use: a stored rope table, a tied head's second copy.
void refuse_unread(const StoredTensors& checkpoint, const DecoderConfig& config);

/// The weights of a model folder as CPU tensors. The constructor holds every name and shape to the
/// config, refuses tensors that nothing reads, and the config's quantization_config to what is
/// stored; errors name the tensor, its shape and the expected one.
class StoredWeights {
 public:
  StoredWeights(const std::filesystem::path& folder, const DecoderConfig& config,
                Quantization quantization = Quantization::as_stored);

  /// True where any weight is used in NF4 (bitsandbytes' keys).
  bool quantised() const { return quantised_; }
  bool is_nf4(const std::string& name) const;
  /// The same of one that the folder holds in NF4.
  bool is_stored_nf4(const std::string& name) const;
  std::vector<std::int64_t> shape(const std::string& name) const;
  /// A weight that the folder does not hold in NF4, as it lies in the mapped file, valid while this
  /// object lives. Its values are not looked at.
  at::Tensor stored(const std::string& name) const;
  /// float32 or bfloat16; NF4 dequantised to the dtype that was quantised. Others lie in the mapped
  /// file, valid while this object lives.
  at::Tensor get(const std::string& name) const;
  quant::Nf4Weight nf4(const std::string& name) const;
  const StoredTensors& checkpoint() const { return checkpoint_; }

 private:
  StoredTensors checkpoint_;
  bool quantised_ = false, quantise_ = false;
};

}  // namespace tradeoff::model
