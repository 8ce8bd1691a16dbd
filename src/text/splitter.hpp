#pragma once
#include <algorithm>
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
    if constexpr (kind == PreTokenizer::llama3 || kind == PreTokenizer::qwen2)
      return llama3_end(at);
    else if constexpr (kCasedWords)
      return tekken_end(at);
    else if constexpr (kind == PreTokenizer::spaces)
      return next_mark(at);
    else
      return gpt2_end(at);
  }

 private:
  static constexpr bool kDigitsApart = kind == PreTokenizer::digits_gpt2;
  static constexpr bool kCasedWords = kind == PreTokenizer::tekken || kind == PreTokenizer::o200k;
  static constexpr bool kFoldsCase =
      kind == PreTokenizer::llama3 || kind == PreTokenizer::qwen2 || kind == PreTokenizer::o200k;
  static constexpr int kMostDigits =
      kind == PreTokenizer::llama3 || kind == PreTokenizer::o200k ? 3 : 1;

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
      const bool fold = kFoldsCase && byte >= 'A' && byte <= 'Z';
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
        return kFoldsCase && letter(2) == 0xBF ? 3 : 0;
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

  std::size_t next_mark(std::size_t at) const {
    const std::string_view text(reinterpret_cast<const char*>(text_), size_);
    return std::min(text.find(kSpaceMark, at + 1), size_);
  }

  /// \p{N}{1,3}, or \p{N}, whose first character ends at `end`.
  std::size_t number_end(std::size_t end) const {
    for (int digits = 1; digits < kMostDigits && end < size_; ++digits) {
      const Char digit = char_at(end);
      if (!(digit.cls & kNumber)) break;
      end += digit.bytes;
    }
    return end;
  }

  /// What follows the words and numbers in all regexes but GPT-2's, at character `c`:
  ///  ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+, with a slash among the newlines for
  ///  Tekken.
  std::size_t symbol_or_space_end(std::size_t at, Char c, Char after) const {
    const std::size_t next = at + c.bytes;
    if (!(c.cls & kSpace) || (text_[at] == ' ' && !(after.cls & (kSpace | kLetter | kNumber)))) {
      std::size_t end = skip_symbols(next);
      while (is_newline(end) || (kCasedWords && end < size_ && text_[end] == '/')) ++end;
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

  /// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
  /// ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+| \s+(?!\S)|\s+
  std::size_t llama3_end(std::size_t at) const {
    const Char c = char_at(at);
    const std::size_t next = at + c.bytes;
    if (c.cls & kLetter) return skip(next, kLetter);
    if (c.cls & kNumber) return number_end(next);
    if (text_[at] == '\'')
      if (const std::size_t length = contraction(at)) return at + length;
    const Char after = next < size_ ? char_at(next) : Char{0, kSpace};
    if ((after.cls & kLetter) && !is_newline(at)) return skip(next + after.bytes, kLetter);
    return symbol_or_space_end(at, c, after);
  }

  /// U*L+ at `at`, where U is kUpper and L is kLower; 0 where it does not match.
  std::size_t lower_word(std::size_t at) const {
    std::size_t last_lower = size_;
    while (at < size_) {
      const Char c = char_at(at);
      if (c.cls & kLower) last_lower = at;
      if (!(c.cls & kUpper)) break;
      at += c.bytes;
    }
    return last_lower == size_ ? 0 : skip(last_lower, kLower);
  }
  /// U+L* at `at`; 0 where it does not match.
  std::size_t upper_word(std::size_t at) const {
    const std::size_t end = skip(at, kUpper);
    return end == at ? 0 : skip(end, kLower);
  }

  /// [^\r\n\p{L}\p{N}]?U*L+|[^\r\n\p{L}\p{N}]?U+L*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|
  /// \s*[\r\n]+|\s+(?!\S)|\s+; in o200k a contraction may follow a word.
  std::size_t tekken_end(std::size_t at) const {
    const Char c = char_at(at);
    const std::size_t next = at + c.bytes;
    if (c.cls & kNumber) return number_end(next);
    const bool leads = !(c.cls & kLetter) && !is_newline(at);
    std::size_t end = leads ? lower_word(next) : 0;
    if (!end) end = lower_word(at);
    if (!end && leads) end = upper_word(next);
    if (!end) end = upper_word(at);
    if (end) {
      if (kind == PreTokenizer::o200k && end < size_ && text_[end] == '\'') end += contraction(end);
      return end;
    }
    return symbol_or_space_end(at, c, next < size_ ? char_at(next) : Char{0, kSpace});
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
