#pragma once
#include <cstdint>

/// The parts of a decoder block that differ from family to family, as its operations see them.
namespace tradeoff::model {

/// Of a gated MLP: x · sigmoid(x), or GELU by its tanh form (Hendrycks and Gimpel, 2016).
enum class Activation { silu, gelu_tanh };

/// Heads of a fused projection and how their columns turn: the first `rotary` of `d`, as pairs (i,
/// i + rotary / 2), or neighbours (2i, 2i + 1). The rest of a head passes as it is.
struct RopeShape {
  std::int64_t heads = 0, kv_heads = 0, d = 0, rotary = 0;
  bool neighbours = false;
};

/// How a query's products with keys become scores.
struct ScoreRule {
  double scale = 1;
  // The query at position p sees keys at positions above p - window; 0: all before it.
  std::int64_t window = 0;
  // cap · tanh(score / cap); 0: none.
  double cap = 0;
};

}  // namespace tradeoff::model
