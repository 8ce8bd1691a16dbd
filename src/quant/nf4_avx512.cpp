#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <immintrin.h>

#include <type_traits>

#include "nf4_kernels.hpp"

#define AVX512 [[gnu::target("avx512f,avx512bw,avx512vl,f16c")]]

namespace tradeoff::quant {
namespace {

// 32 codes, one a byte, from 16 packed bytes.
AVX512 __m256i unpack32(const std::uint8_t* packed) {
  const __m256i words =
      _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(packed)));
  const __m256i both = _mm256_or_si256(_mm256_srli_epi16(words, 4), _mm256_slli_epi16(words, 8));
  return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

template <typename Out>
AVX512 __m256i round_to_16_bits([[maybe_unused]] __m512 values) {
  if constexpr (std::is_same_v<Out, c10::BFloat16>) {
    const __m512i bits = _mm512_castps_si512(values);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_add_epi32(bits, half), 16));
  } else {
    return _mm512_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT);
  }
}

// A block's 16 values fill one register: they are computed and rounded once, and looked up.
template <typename Out>
AVX512 void dequantise_blocks(const Nf4View& weight, std::int64_t first, std::int64_t last,
                              void* out) {
  const __m512 map = _mm512_loadu_ps(kNf4.data());
  for (std::int64_t block = first; block < last; ++block) {
    const std::int64_t begin = block * weight.blocksize;
    const std::uint8_t* packed = weight.packed + begin / 2;
    Out* target = static_cast<Out*>(out) + begin;
    const __m512 values = _mm512_mul_ps(map, _mm512_set1_ps(weight.absmax(block)));
    const __m512i table = _mm512_castsi256_si512(round_to_16_bits<Out>(values));
    for (int i = 0; i < weight.blocksize; i += 32) {
      const __m256i codes = unpack32(packed + i / 2);
      if constexpr (std::is_same_v<Out, float>) {
        const __m512i low = _mm512_cvtepu8_epi32(_mm256_castsi256_si128(codes));
        const __m512i high = _mm512_cvtepu8_epi32(_mm256_extracti128_si256(codes, 1));
        _mm512_storeu_ps(target + i, _mm512_permutexvar_ps(low, values));
        _mm512_storeu_ps(target + i + 16, _mm512_permutexvar_ps(high, values));
      } else {
        _mm512_storeu_si512(target + i,
                            _mm512_permutexvar_epi16(_mm512_cvtepu8_epi16(codes), table));
      }
    }
  }
}

}  // namespace

void dequantise_avx512(const Nf4View& weight, at::ScalarType dtype, std::int64_t first,
                       std::int64_t last, void* out) {
  if (dtype == at::kFloat) return dequantise_blocks<float>(weight, first, last, out);
  if (dtype == at::kHalf) return dequantise_blocks<c10::Half>(weight, first, last, out);
  dequantise_blocks<c10::BFloat16>(weight, first, last, out);
}

}  // namespace tradeoff::quant
