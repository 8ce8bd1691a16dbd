#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <immintrin.h>

#include <type_traits>

#include "nf4_kernels.hpp"

// Every function carries its target: a flag for the file would also reach inline functions of
// headers, which the linker may then hand to processors without AVX2.
#define AVX2 [[gnu::target("avx2,f16c")]]

namespace tradeoff::quant {
namespace {

AVX2 __m256 load8(const float* values) {
  return _mm256_loadu_ps(values);
}
AVX2 __m256 load8(const c10::BFloat16* values) {
  const __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(words), 16));
}
AVX2 __m256 load8(const c10::Half* values) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values)));
}

// As unsigned integers magnitudes compare like floats, with NaN above infinity.
template <typename Source>
AVX2 float largest_magnitude(const Source* values, int count) {
  const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
  __m256i largest = _mm256_setzero_si256();
  for (int i = 0; i < count; i += 8) {
    const __m256i bits = _mm256_castps_si256(load8(values + i));
    largest = _mm256_max_epu32(largest, _mm256_and_si256(bits, magnitude));
  }
  __m128i most =
      _mm_max_epu32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
  most = _mm_max_epu32(most, _mm_shuffle_epi32(most, 0x4e));
  most = _mm_max_epu32(most, _mm_shuffle_epi32(most, 0xb1));
  return std::bit_cast<float>(_mm_cvtsi128_si32(most));
}

// Binary search for the number of thresholds below each value: every level looks its 1, 2, 4 or 8
// thresholds up by the bits found so far. "Not <=" is true for NaN.
AVX2 __m256i codes_of(__m256 scaled) {
  constexpr auto& t = kNf4Thresholds;
  const __m256 level1 = _mm256_set1_ps(t[7]);
  const __m256 level2 = _mm256_setr_ps(t[3], t[11], 0, 0, 0, 0, 0, 0);
  const __m256 level3 = _mm256_setr_ps(t[1], t[5], t[9], t[13], 0, 0, 0, 0);
  const __m256 level4 = _mm256_setr_ps(t[0], t[2], t[4], t[6], t[8], t[10], t[12], t[14]);
  __m256i code =
      _mm256_srli_epi32(_mm256_castps_si256(_mm256_cmp_ps(scaled, level1, _CMP_NLE_UQ)), 31);
  for (const __m256& level : {level2, level3, level4}) {
    const __m256 threshold = _mm256_permutevar8x32_ps(level, code);
    const __m256i above = _mm256_castps_si256(_mm256_cmp_ps(scaled, threshold, _CMP_NLE_UQ));
    code = _mm256_sub_epi32(_mm256_add_epi32(code, code), above);
  }
  return code;
}

template <typename Source>
AVX2 void quantise_blocks(const QuantiseTask& task, std::int64_t first, std::int64_t last) {
  const auto* values = static_cast<const Source*>(task.values);
  const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i sixteen_one = _mm256_set1_epi16(0x0110);
  for (std::int64_t block = first; block < last; ++block) {
    const Source* source = values + block * task.blocksize;
    const float absmax = largest_magnitude(source, task.blocksize);
    task.absmax[block] = absmax;
    const __m256 scale = _mm256_set1_ps(1.0f / (absmax < kMinAbsmax ? kMinAbsmax : absmax));
    std::uint8_t* packed = task.packed + block * task.blocksize / 2;
    for (int i = 0; i < task.blocksize; i += 32) {
      __m256i codes[4];
      for (int j = 0; j < 4; ++j)
        codes[j] = codes_of(_mm256_mul_ps(load8(source + i + 8 * j), scale));
      const __m256i bytes =
          _mm256_permutevar8x32_epi32(_mm256_packus_epi16(_mm256_packs_epi32(codes[0], codes[1]),
                                                          _mm256_packs_epi32(codes[2], codes[3])),
                                      in_order);
      const __m256i pairs = _mm256_maddubs_epi16(bytes, sixteen_one);
      const __m128i result =
          _mm_packus_epi16(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(packed + i / 2), result);
    }
  }
}

// 32 codes, one a byte, from 16 packed bytes.
AVX2 __m256i unpack32(const std::uint8_t* packed) {
  const __m256i words =
      _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(packed)));
  const __m256i both = _mm256_or_si256(_mm256_srli_epi16(words, 4), _mm256_slli_epi16(words, 8));
  return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

AVX2 __m256i round_to_bfloat16(__m256 values) {
  const __m256i bits = _mm256_castps_si256(values);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
  return _mm256_srli_epi32(_mm256_add_epi32(bits, half), 16);
}

// The block's 16 values, rounded to 16 bits each.
template <typename Out>
AVX2 __m256i table16(float absmax) {
  const __m256 scale = _mm256_set1_ps(absmax);
  const __m256 low = _mm256_mul_ps(_mm256_loadu_ps(kNf4.data()), scale);
  const __m256 high = _mm256_mul_ps(_mm256_loadu_ps(kNf4.data() + 8), scale);
  if constexpr (std::is_same_v<Out, c10::BFloat16>) {
    const __m256i mixed = _mm256_packus_epi32(round_to_bfloat16(low), round_to_bfloat16(high));
    return _mm256_permute4x64_epi64(mixed, 0xd8);
  } else {
    return _mm256_set_m128i(_mm256_cvtps_ph(high, _MM_FROUND_TO_NEAREST_INT),
                            _mm256_cvtps_ph(low, _MM_FROUND_TO_NEAREST_INT));
  }
}

AVX2 __m256i bytes_of(__m256i words) {
  return _mm256_broadcastsi128_si256(
      _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}

// A block has 16 different values only: they are computed and rounded once, and looked up a byte at
// a time.
template <typename Out>
AVX2 void dequantise_block(const std::uint8_t* packed, int count, float absmax, Out* out) {
  const __m256i table = table16<Out>(absmax);
  const __m256i low_bytes = bytes_of(_mm256_and_si256(table, _mm256_set1_epi16(0xff)));
  const __m256i high_bytes = bytes_of(_mm256_srli_epi16(table, 8));
  for (int i = 0; i < count; i += 32) {
    const __m256i codes = unpack32(packed + i / 2);
    const __m256i low = _mm256_shuffle_epi8(low_bytes, codes);
    const __m256i high = _mm256_shuffle_epi8(high_bytes, codes);
    const __m256i first = _mm256_unpacklo_epi8(low, high);
    const __m256i second = _mm256_unpackhi_epi8(low, high);
    auto* target = reinterpret_cast<__m256i*>(out + i);
    _mm256_storeu_si256(target, _mm256_permute2x128_si256(first, second, 0x20));
    _mm256_storeu_si256(target + 1, _mm256_permute2x128_si256(first, second, 0x31));
  }
}

template <>
AVX2 void dequantise_block(const std::uint8_t* packed, int count, float absmax, float* out) {
  const __m256 scale = _mm256_set1_ps(absmax);
  const __m256 low = _mm256_mul_ps(_mm256_loadu_ps(kNf4.data()), scale);
  const __m256 high = _mm256_mul_ps(_mm256_loadu_ps(kNf4.data() + 8), scale);
  for (int i = 0; i < count; i += 8) {
    // Four bytes; each of the eight lanes shifts its code down.
    std::uint32_t four;
    __builtin_memcpy(&four, packed + i / 2, 4);
    const __m256i codes = _mm256_srlv_epi32(_mm256_set1_epi32(static_cast<int>(four)),
                                            _mm256_setr_epi32(4, 0, 12, 8, 20, 16, 28, 24));
    // The permutes read bits 0 to 2 and the blend bit 3, moved to the sign.
    const __m256 upper = _mm256_castsi256_ps(_mm256_slli_epi32(codes, 28));
    _mm256_storeu_ps(out + i, _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, codes),
                                               _mm256_permutevar8x32_ps(high, codes), upper));
  }
}

template <typename Out>
AVX2 void dequantise_blocks(const Nf4View& weight, std::int64_t first, std::int64_t last,
                            void* out) {
  for (std::int64_t block = first; block < last; ++block) {
    const std::int64_t begin = block * weight.blocksize;
    dequantise_block(weight.packed + begin / 2, weight.blocksize, weight.absmax(block),
                     static_cast<Out*>(out) + begin);
  }
}

}  // namespace

void quantise_avx2(const QuantiseTask& task, std::int64_t first, std::int64_t last) {
  if (task.dtype == at::kFloat) return quantise_blocks<float>(task, first, last);
  if (task.dtype == at::kHalf) return quantise_blocks<c10::Half>(task, first, last);
  quantise_blocks<c10::BFloat16>(task, first, last);
}

void dequantise_avx2(const Nf4View& weight, at::ScalarType dtype, std::int64_t first,
                     std::int64_t last, void* out) {
  if (dtype == at::kFloat) return dequantise_blocks<float>(weight, first, last, out);
  if (dtype == at::kHalf) return dequantise_blocks<c10::Half>(weight, first, last, out);
  dequantise_blocks<c10::BFloat16>(weight, first, last, out);
}

}  // namespace tradeoff::quant
