#include <fmt/format.h>

#include <algorithm>

#include "gradient_pass.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/lora/adapter.hpp"

namespace tradeoff::train {

std::int64_t kept_bytes(const model::Decoder& decoder, const lora::LoraOptions& lora,
                        std::int64_t tokens, Recompute policy) {
  const model::DecoderConfig& c = decoder.config();
  const std::int64_t size = decoder.dtype() == c10::ScalarType::Float ? 4 : 2;
  const std::int64_t input = size * c.hidden_size;
  // q, k, v, the attention's output, the middle of the layer.
  std::int64_t attention =
      size * (2 * c.query_width() + 2 * c.kv_width() + c.hidden_size) + 4 * c.num_attention_heads;
  const std::int64_t pair = size * 2 * c.intermediate_size, product = size * c.intermediate_size;
  if (c.qk_norm != model::QkNorm::none) attention += size * (c.query_width() + 2 * c.kv_width());
  for (const std::string& norm : {c.norms.after_attention, c.norms.after_mlp})
    if (!norm.empty()) attention += size * c.hidden_size;
  std::int64_t low_rank = 0;
  for (const model::Projection projection : lora::parse_targets(lora.target_modules, c)) {
    low_rank += 4 * lora.lora_r;
    if (lora.lora_dropout > 0) low_rank += model::shape_of(c, projection).in / 8;
  }
  std::int64_t kept = input;
  if (policy != Recompute::layer) kept += attention + low_rank;
  if (policy == Recompute::none || policy == Recompute::activation) kept += pair;
  if (policy == Recompute::none) kept += product;
  return kept * tokens * c.num_hidden_layers;
}

std::int64_t working_bytes(const model::Decoder& decoder, std::int64_t tokens) {
  const model::DecoderConfig& c = decoder.config();
  const std::int64_t size = decoder.dtype() == c10::ScalarType::Float ? 4 : 2;
  // The pair and the product with their gradients; some ten tensors of the hidden width.
  const std::int64_t layer = size * (6 * c.intermediate_size + 10 * c.hidden_size) * tokens;
  const std::int64_t dequantised =
      decoder.nf4_packed() ? 2 * size * c.intermediate_size * c.hidden_size : 0;
  return layer + dequantised + 2 * logit_bytes(decoder.device());
}

Recompute pick_recompute(const model::Decoder& decoder, const lora::LoraOptions& lora,
                         std::int64_t tokens, std::int64_t memory_bytes, std::int64_t host_bytes,
                         Recompute asked) {
  const bool cpu = decoder.device().is_cpu();
  check(!cpu || (asked != Recompute::activation && asked != Recompute::offload),
        fmt::format("--recompute {}: for CUDA alone; expected none, mlp or layer on the CPU",
                    name_of(asked)));
  if (asked != Recompute::automatic) return asked;
  for (const Recompute policy : {Recompute::none, Recompute::activation, Recompute::mlp}) {
    if (policy == Recompute::activation && cpu) continue;
    if (kept_bytes(decoder, lora, tokens, policy) <= memory_bytes) return policy;
  }
  if (cpu) return Recompute::layer;
  const std::int64_t away = kept_bytes(decoder, lora, tokens, Recompute::offload);
  // On the GPU stay the layer that computes, one that leaves or comes, and the memory of the next.
  const std::int64_t here = 3 * away / decoder.config().num_hidden_layers;
  const std::int64_t layer = kept_bytes(decoder, lora, tokens, Recompute::layer);
  return away <= host_bytes && here <= std::max(memory_bytes, layer) ? Recompute::offload
                                                                     : Recompute::layer;
}

}  // namespace tradeoff::train
