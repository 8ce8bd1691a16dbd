#include <zlib.h>

#include <vector>

#include "questions.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::report {

std::string pack(std::string_view bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::vector<unsigned char> packed(size);
  const int code = compress2(packed.data(), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                             static_cast<uLong>(bytes.size()), 6);
  if (code != Z_OK) fail("compress2: zlib error " + std::to_string(code));
  packed.resize(size);
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((packed.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < packed.size(); i += 3) {
    const std::size_t left = packed.size() - i;
    const unsigned word = (packed[i] << 16U) | (left > 1 ? packed[i + 1] << 8U : 0U) |
                          (left > 2 ? packed[i + 2] : 0U);
    text += kAlphabet[word >> 18U];
    text += kAlphabet[(word >> 12U) & 63U];
    text += left > 1 ? kAlphabet[(word >> 6U) & 63U] : '=';
    text += left > 2 ? kAlphabet[word & 63U] : '=';
  }
  return text;
}

}  // namespace tradeoff::report
