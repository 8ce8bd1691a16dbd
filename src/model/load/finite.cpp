#include "load/finite.hpp"

#include <cstdint>
#include <cstring>

namespace tradeoff::model {
namespace {

// Whether no value has the exponent of infinities and NaNs. Each word is read once and nothing is
// branched on, so that this costs what reading the bytes costs.
template <typename Word>
bool none_has(std::span<const std::byte> bytes, Word exponent) {
  Word found = 0;
  for (std::size_t at = 0; at + sizeof(Word) <= bytes.size(); at += sizeof(Word)) {
    Word word;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    found |= static_cast<Word>((word & exponent) == exponent);
  }
  return found == 0;
}

}  // namespace

bool all_finite(std::span<const std::byte> bytes, c10::ScalarType dtype) {
  switch (dtype) {
    case c10::ScalarType::Float:
      return none_has<std::uint32_t>(bytes, 0x7F800000);
    case c10::ScalarType::BFloat16:
      return none_has<std::uint16_t>(bytes, 0x7F80);
    case c10::ScalarType::Half:
      return none_has<std::uint16_t>(bytes, 0x7C00);
    default:
      return true;
  }
}

}  // namespace tradeoff::model
