#pragma once
#include <string_view>

#include "tradeoff/text/vocabulary.hpp"
#include "unicode.hpp"

namespace tradeoff::text {

/// Cuts text into pieces as a tokenizer's regex does, by hand: each character is looked at once or
/// twice, whatever the text. The patterns stand at piece_end's two forms.
template <PreTokenizer kind>
class Splitter {
 public:
  explicit Splitter(std::string_view text)
      : text_(reinterpret_cast<const std::uint8_t*>(text.data())), size_(text.size()) {}

  /// Where the piece that begins at `at` (< size) ends.
  std::size_t piece_end(std::size_t at) const {
    if constexpr (kind == PreTokenizer::llama3)
      return llama3_end(at);
    else
      return gpt2_end(at);
  }

 private:
  static constexpr bool kDigitsApart = kind == PreTokenizer::digits_gpt2;

  Char char_at(std::size_t at) const {
    const std::uint8_t byte = text_[at];
    if (byte < 0x80) return {1, classes_[byte]};
    return wide_char(text_, at, size_, classes_);
  }
  /// Past the characters from `at` on that have a bit of `wanted`.
  std::size_t skip(std::size_t at, std::uint8_t wanted) const {
    while (at < size_) {
      const Char c = char_at(at);
      if (!(c.cls & wanted)) break;
      at += c.bytes;
    }
    return at;
  }
  /// [^\s\p{L}\p{N}]*
  std::size_t skip_symbols(std::size_t at) const {
    constexpr std::uint8_t kStop = kLetter | kNumber | kSpace | (kDigitsApart ? kDigit : 0);
    while (at < size_) {
      const Char c = char_at(at);
      if (c.cls & kStop) break;
      at += c.bytes;
    }
    return at;
  }
  bool is_newline(std::size_t at) const {
    return at < size_ && (text_[at] == '\n' || text_[at] == '\r');
  }

  /// Length of 's|'t|'re|'ve|'m|'ll|'d at the apostrophe `at`, 0 where there is none.
  std::size_t contraction(std::size_t at) const {
    const auto letter = [&](std::size_t i) -> std::uint8_t {
      if (at + i >= size_) return 0;
      const std::uint8_t byte = text_[at + i];
      // (?i:...) of Llama-3 alone.
      const bool fold = kind == PreTokenizer::llama3 && byte >= 'A' && byte <= 'Z';
      return fold ? byte | 0x20 : byte;
    };
    switch (letter(1)) {
      case 's':
      case 't':
      case 'm':
      case 'd':
        return 2;
      case 'r':
      case 'v':
        return letter(2) == 'e' ? 3 : 0;
      case 'l':
        return letter(2) == 'l' ? 3 : 0;
      case 0xC5:  // U+017F, the long s, is an s to a case-insensitive Unicode regex
        return kind == PreTokenizer::llama3 && letter(2) == 0xBF ? 3 : 0;
      default:
        return 0;
    }
  }

  /// \s+(?!\S)|\s+ at a space: the run, less its last character where something follows it.
  std::size_t space_end(std::size_t at) const {
    std::size_t last = at, end = at;
    Char next{0, 0};
    while (end < size_) {
      next = char_at(end);
      if (!(next.cls & kSpace)) break;
      last = end;
      end += next.bytes;
    }
    // A digit that stands apart ends the text that the regex sees.
    if (end == size_ || last == at || (kDigitsApart && (next.cls & kDigit))) return end;
    return last;
  }

  /// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
  /// ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+| \s+(?!\S)|\s+
  std::size_t llama3_end(std::size_t at) const {
    const Char c = char_at(at);
    const std::size_t next = at + c.bytes;
    if (c.cls & kLetter) return skip(next, kLetter);
    if (c.cls & kNumber) {
      std::size_t end = next;
      for (int digits = 1; digits < 3 && end < size_; ++digits) {
        const Char digit = char_at(end);
        if (!(digit.cls & kNumber)) break;
        end += digit.bytes;
      }
      return end;
    }
    if (text_[at] == '\'')
      if (const std::size_t length = contraction(at)) return at + length;
    const Char after = next < size_ ? char_at(next) : Char{0, kSpace};
    if ((after.cls & kLetter) && !is_newline(at)) return skip(next + after.bytes, kLetter);
    if (!(c.cls & kSpace) || (text_[at] == ' ' && !(after.cls & (kSpace | kNumber)))) {
      std::size_t end = skip_symbols(next);
      while (is_newline(end)) ++end;
      return end;
    }
    // \s*[\r\n]+ reaches to the last newline of the run of spaces.
    std::size_t newline_end = 0, end = at;
    while (end < size_) {
      const Char space = char_at(end);
      if (!(space.cls & kSpace)) break;
      if (is_newline(end)) newline_end = end + 1;
      end += space.bytes;
    }
    return newline_end ? newline_end : space_end(at);
  }

  /// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  std::size_t gpt2_end(std::size_t at) const {
    Char c = char_at(at);
    std::size_t next = at + c.bytes;
    if (kDigitsApart && (c.cls & kDigit)) return next;
    if (text_[at] == '\'')
      if (const std::size_t length = contraction(at)) return at + length;
    if (text_[at] == ' ' && next < size_) {
      const Char after = char_at(next);
      if (!(after.cls & kSpace) && !(kDigitsApart && (after.cls & kDigit))) {
        c = after;
        next += after.bytes;
      }
    }
    if (c.cls & kLetter) return skip(next, kLetter);
    if (c.cls & kSpace) return space_end(at);
    if (c.cls & kNumber) return skip(next, kNumber);
    return skip_symbols(next);
  }

  const std::uint8_t* text_;
  std::size_t size_;
  const std::uint8_t* classes_ = unicode_classes();
};

}  // namespace tradeoff::text
