#pragma once
// The arithmetic of a draw, alike to the bit on host and device. Weights are whole numbers, so that
// their sums are exact and depend on no order; compiled without contraction of a·b + c.
#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define TRADEOFF_BOTH __host__ __device__ inline
#else
#define TRADEOFF_BOTH inline
#endif

namespace tradeoff::infer::rule {

/// The likeliest token's weight. One 2^-45 as likely weighs 0: uniform numbers have 33 bits.
inline constexpr int kWeightBits = 44;
/// Tokens of a row; more could sum to over 2^63.
inline constexpr std::int64_t kMostTokens = std::int64_t{1} << 19;

TRADEOFF_BOTH double times_plus(double a, double b, double c) {
#ifdef __CUDA_ARCH__
  return __dadd_rn(__dmul_rn(a, b), c);
#else
  return a * b + c;
#endif
}

/// Rises as scores do; -0 and 0 are one. NaN stands anywhere.
TRADEOFF_BOTH std::uint32_t key_of(float score) {
  std::uint32_t bits = 0;
  score += 0.0f;
  std::memcpy(&bits, &score, 4);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

TRADEOFF_BOTH float score_of(std::uint32_t key) {
  const std::uint32_t bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
  float score = 0;
  std::memcpy(&score, &bits, 4);
  return score;
}

/// exp(score - highest) in units of 2^-kWeightBits, to 2^-32 of itself; NaN and -inf weigh 0.
TRADEOFF_BOTH std::uint64_t weight_of(float score, float highest) {
  const double x = static_cast<double>(score - highest) * 1.4426950408889634;  // log2(e)
  if (!(x > -kWeightBits - 2.0) || x > 0) return 0;
  // 2^x = 2^(whole + part), part in [-1/2, 1/2]; Taylor's series of 2^part.
  const int whole = static_cast<int>(x - 0.5);
  const double part = x - whole;
  double power = 1.3215486790144307e-6;
  power = times_plus(power, part, 1.5252733804059840e-5);
  power = times_plus(power, part, 1.5403530393381608e-4);
  power = times_plus(power, part, 1.3333558146428443e-3);
  power = times_plus(power, part, 9.6181291076284772e-3);
  power = times_plus(power, part, 5.5504108664821580e-2);
  power = times_plus(power, part, 0.24022650695910071);
  power = times_plus(power, part, 0.69314718055994531);
  power = times_plus(power, part, 1.0);
  const auto scaled = static_cast<std::uint64_t>(power * 4503599627370496.0);  // 2^52
  const int shift = 52 - kWeightBits - whole;
  return (scaled + (std::uint64_t{1} << (shift - 1))) >> shift;
}

/// What tokens likelier than a kept one may sum to at most, less one.
TRADEOFF_BOTH std::uint64_t share_of(double top_p, std::uint64_t total) {
  const double share = top_p * static_cast<double>(total);
  const auto whole = static_cast<std::uint64_t>(share);
  const std::uint64_t up = whole + (static_cast<double>(whole) < share ? 1 : 0);
  return up > 0 ? up : 1;
}

/// The token drawn is the first whose running sum is above this.
TRADEOFF_BOTH std::uint64_t aim_of(double uniform, std::uint64_t total) {
  return static_cast<std::uint64_t>(uniform * static_cast<double>(total));
}

}  // namespace tradeoff::infer::rule

#undef TRADEOFF_BOTH
