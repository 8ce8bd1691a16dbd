#include "tradeoff/model/ggml_blocks.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <cstring>

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
// 256 values: two halves, 12 bytes of eight 6-bit scales and minima, 128 bytes of nibbles.
void q4_k(const Byte* p, float* out) {
  const float d = half(p), dmin = half(p + 2);
  const Byte* const scales = p + 4;
  const Byte* q = p + 16;
  const auto scale_of = [&](int j) {
    return j < 4 ? scales[j] & 63 : (scales[j + 4] & 15) | ((scales[j - 4] >> 6) << 4);
  };
  const auto min_of = [&](int j) {
    return j < 4 ? scales[j + 4] & 63 : (scales[j + 4] >> 4) | ((scales[j] >> 6) << 4);
  };
  for (int j = 0; j < 8; j += 2, q += 32, out += 64) {
    const float d1 = d * static_cast<float>(scale_of(j)), m1 = dmin * static_cast<float>(min_of(j));
    const float d2 = d * static_cast<float>(scale_of(j + 1)),
                m2 = dmin * static_cast<float>(min_of(j + 1));
    for (int i = 0; i < 32; ++i) {
      out[i] = d1 * static_cast<float>(q[i] & 15) - m1;
      out[32 + i] = d2 * static_cast<float>(q[i] >> 4) - m2;
    }
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
Expand expander(GgmlType type) {
  switch (type) {
    case GgmlType::F32:
      return f32;
    case GgmlType::F16:
      return f16;
    case GgmlType::BF16:
      return bf16;
    case GgmlType::Q8_0:
      return q8_0;
    case GgmlType::Q4_0:
      return q4_0;
    case GgmlType::Q4_1:
      return q4_1;
    case GgmlType::Q4_K:
      return q4_k;
    case GgmlType::Q6_K:
      return q6_k;
    default:
      return nullptr;
  }
}

}  // namespace

bool can_dequantise(GgmlType type) {
  return expander(type) != nullptr;
}

void dequantise(GgmlType type, std::span<const std::byte> blocks, std::span<float> out) {
  const Expand expand = expander(type);
  if (!expand) {
    fail(fmt::format(
        "GGUF type {} is not supported; expected F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K or Q6_K",
        name_of(type)));
  }
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
