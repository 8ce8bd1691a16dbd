#include "tradeoff/model/ggml_blocks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "tradeoff/base/error.hpp"

namespace tradeoff::model {
namespace {

using Byte = std::uint8_t;

float half(const Byte* p) {
  std::uint16_t bits;
  std::memcpy(&bits, p, 2);
  const float sign = bits & 0x8000 ? -1.0f : 1.0f;
  const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent == 31) return fraction ? NAN : sign * INFINITY;
  return sign * (exponent ? std::ldexp(static_cast<float>(1024 + fraction), exponent - 25)
                          : std::ldexp(static_cast<float>(fraction), -24));
}

float bfloat(const Byte* p) {
  const std::uint32_t bits = static_cast<std::uint32_t>(p[0] | p[1] << 8) << 16;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

// 32 values: scale, 32 signed bytes.
void q8_0(const Byte* p, float* out) {
  const float d = half(p);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<std::int8_t>(p[2 + i]);
}
// 32 values: scale, 16 bytes; low nibbles are the first half. Values are offset by 8.
void q4_0(const Byte* p, float* out) {
  const float d = half(p);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>((p[2 + i] & 15) - 8);
    out[16 + i] = d * static_cast<float>((p[2 + i] >> 4) - 8);
  }
}
// As q4_0 with a minimum in place of the offset.
void q4_1(const Byte* p, float* out) {
  const float d = half(p), m = half(p + 2);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(p[4 + i] & 15) + m;
    out[16 + i] = d * static_cast<float>(p[4 + i] >> 4) + m;
  }
}
// Value i of 32 five-bit values: nibbles as in q4_0, their fifth bits in four bytes.
int five_bits(const Byte* high, const Byte* nibbles, int i) {
  const int low = i < 16 ? nibbles[i] & 15 : nibbles[i - 16] >> 4;
  return low | (high[i / 8] >> (i % 8) & 1) << 4;
}
// 32 values: scale, fifth bits, nibbles. Values are offset by 16.
void q5_0(const Byte* p, float* out) {
  const float d = half(p);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(five_bits(p + 2, p + 6, i) - 16);
}
// As q5_0 with a minimum in place of the offset.
void q5_1(const Byte* p, float* out) {
  const float d = half(p), m = half(p + 2);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(five_bits(p + 4, p + 8, i)) + m;
}

// The eight 6-bit scales and minima of q4_k and q5_k, in 12 bytes.
int scale_of(const Byte* packed, int j) {
  return j < 4 ? packed[j] & 63 : (packed[j + 4] & 15) | ((packed[j - 4] >> 6) << 4);
}
int min_of(const Byte* packed, int j) {
  return j < 4 ? packed[j + 4] & 63 : (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4);
}
// 256 values: two halves, scales and minima, for q5_k 32 bytes of fifth bits, 128 bytes of nibbles.
void k_nibbles(const Byte* p, const Byte* high, const Byte* q, float* out) {
  const float d = half(p), dmin = half(p + 2);
  for (int j = 0; j < 8; ++j, out += 32) {
    const float scale = d * static_cast<float>(scale_of(p + 4, j)),
                least = dmin * static_cast<float>(min_of(p + 4, j));
    const Byte* const nibbles = q + 32 * (j / 2);
    for (int i = 0; i < 32; ++i) {
      const int fifth = high ? (high[i] >> j & 1) << 4 : 0;
      out[i] = scale * static_cast<float>((nibbles[i] >> 4 * (j % 2) & 15) | fifth) - least;
    }
  }
}
void q4_k(const Byte* p, float* out) {
  k_nibbles(p, nullptr, p + 16, out);
}
void q5_k(const Byte* p, float* out) {
  k_nibbles(p, p + 16, p + 48, out);
}
// 256 values: 16 bytes of scale and minimum nibbles, 64 bytes of bit pairs, two halves.
void q2_k(const Byte* p, float* out) {
  const float d = half(p + 80), dmin = half(p + 82);
  for (int group = 0; group < 16; ++group, out += 16) {
    const float scale = d * static_cast<float>(p[group] & 15),
                least = dmin * static_cast<float>(p[group] >> 4);
    const Byte* const q = p + 16 + 32 * (group / 8) + 16 * (group % 2);
    for (int i = 0; i < 16; ++i)
      out[i] = scale * static_cast<float>(q[i] >> 2 * (group / 2 % 4) & 3) - least;
  }
}
// 256 values: 32 bytes of third bits, 64 bytes of bit pairs, 12 bytes of 16 scales, one half.
void q3_k(const Byte* p, float* out) {
  const Byte* const scales = p + 96;
  const float d = half(p + 108);
  for (int group = 0; group < 16; ++group, out += 16) {
    const int low = group < 8 ? scales[group] & 15 : scales[group - 8] >> 4;
    const int high = scales[8 + group % 4] >> 2 * (group / 4) & 3;
    const float scale = d * static_cast<float>((low | high << 4) - 32);
    const int column = 16 * (group % 2), bit = group / 2;
    const Byte* const q = p + 32 + 32 * (group / 8) + column;
    for (int i = 0; i < 16; ++i) {
      const int third = p[column + i] >> bit & 1;
      out[i] = scale * static_cast<float>((q[i] >> 2 * (bit % 4) & 3) - (third ? 0 : 4));
    }
  }
}
// What the nibbles of iq4_nl and iq4_xs stand for.
constexpr float kCurve[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                              1,    13,   25,  38,  53,  69,  89,  113};
void curve_nibbles(float scale, const Byte* q, float* out) {
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * kCurve[q[i] & 15];
    out[16 + i] = scale * kCurve[q[i] >> 4];
  }
}
void iq4_nl(const Byte* p, float* out) {
  curve_nibbles(half(p), p + 2, out);
}
// 256 values: a half, eight 6-bit scales in 2 + 4 bytes, nibbles.
void iq4_xs(const Byte* p, float* out) {
  const float d = half(p);
  const int high = p[2] | p[3] << 8;
  for (int j = 0; j < 8; ++j) {
    const int scale = (p[4 + j / 2] >> 4 * (j % 2) & 15) | (high >> 2 * j & 3) << 4;
    curve_nibbles(d * static_cast<float>(scale - 32), p + 8 + 16 * j, out + 32 * j);
  }
}
// 256 values: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed scales, one half.
void q6_k(const Byte* p, float* out) {
  const float d = half(p + 208);
  for (int n = 0; n < 2; ++n, out += 128) {
    const Byte* const low = p + 64 * n;
    const Byte* const high = p + 128 + 32 * n;
    const Byte* const scales = p + 192 + 8 * n;
    for (int i = 0; i < 32; ++i) {
      const int values[4] = {
          (low[i] & 15) | (high[i] & 3) << 4, (low[i + 32] & 15) | (high[i] >> 2 & 3) << 4,
          (low[i] >> 4) | (high[i] >> 4 & 3) << 4, (low[i + 32] >> 4) | (high[i] >> 6 & 3) << 4};
      for (int k = 0; k < 4; ++k) {
        const float scale =
            d * static_cast<float>(static_cast<std::int8_t>(scales[i / 16 + 2 * k]));
        out[32 * k + i] = scale * static_cast<float>(values[k] - 32);
      }
    }
  }
}

void f32(const Byte* p, float* out) {
  std::memcpy(out, p, 4);
}
void f16(const Byte* p, float* out) {
  *out = half(p);
}
void bf16(const Byte* p, float* out) {
  *out = bfloat(p);
}

using Expand = void (*)(const Byte*, float*);
constexpr std::pair<GgmlType, Expand> kExpanders[] = {
    {GgmlType::F32, f32},   {GgmlType::F16, f16},       {GgmlType::BF16, bf16},
    {GgmlType::Q8_0, q8_0}, {GgmlType::Q4_0, q4_0},     {GgmlType::Q4_1, q4_1},
    {GgmlType::Q5_0, q5_0}, {GgmlType::Q5_1, q5_1},     {GgmlType::Q2_K, q2_k},
    {GgmlType::Q3_K, q3_k}, {GgmlType::Q4_K, q4_k},     {GgmlType::Q5_K, q5_k},
    {GgmlType::Q6_K, q6_k}, {GgmlType::IQ4_NL, iq4_nl}, {GgmlType::IQ4_XS, iq4_xs}};

Expand expander(GgmlType type) {
  std::vector<std::string_view> names;
  for (const auto& [known, expand] : kExpanders) {
    if (known == type) return expand;
    names.push_back(name_of(known));
  }
  fail(fmt::format("GGUF type {} is not supported; expected one of {}", name_of(type),
                   fmt::join(names, ", ")));
}

}  // namespace

void dequantise(GgmlType type, std::span<const std::byte> blocks, std::span<float> out) {
  const Expand expand = expander(type);
  const GgmlBlock block = block_of(type);
  const std::size_t count = blocks.size() / block.bytes;
  if (count * block.bytes != blocks.size() || count * block.elements != out.size()) {
    fail(fmt::format("{} bytes of {} do not hold {} values", blocks.size(), name_of(type),
                     out.size()));
  }
  const auto* p = reinterpret_cast<const Byte*>(blocks.data());
  for (std::size_t i = 0; i < count; ++i)
    expand(p + i * block.bytes, out.data() + i * block.elements);
}

}  // namespace tradeoff::model
