#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "../white_space.hpp"
#include "syntax.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::text::jinja {
namespace {

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void append_utf8(std::string& text, std::uint32_t code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | code >> 6);
    text += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | code >> 12);
    text += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    text += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    text += static_cast<char>(0xF0 | code >> 18);
    text += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    text += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    text += static_cast<char>(0x80 | (code & 0x3F));
  }
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) data();
    add(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void bad(const std::string& what) const {
    fail("line " + std::to_string(line_) + ": " + what);
  }
  bool here(std::string_view text) const { return source_.compare(at_, text.size(), text) == 0; }
  void add(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }
  void advance(std::size_t to) {
    line_ += static_cast<std::size_t>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                                 source_.begin() + static_cast<std::ptrdiff_t>(to),
                                                 '\n'));
    at_ = to;
  }

  // Text up to the next tag, then the tag.
  void data() {
    std::size_t open = at_;
    do {
      open = source_.find('{', open);
      if (open == source_.npos || open + 1 >= source_.size()) open = source_.size();
      if (open < source_.size() &&
          std::string_view("%{#").find(source_[open + 1]) != std::string_view::npos)
        break;
      if (open < source_.size()) ++open;
    } while (open < source_.size());
    std::string_view text = std::string_view(source_).substr(at_, open - at_);
    const char mark = open < source_.size() ? source_[open + 1] : ' ';
    const char sign = open + 2 < source_.size() ? source_[open + 2] : ' ';
    if (mark != ' ') text = before_tag(text, mark, sign);
    if (!text.empty()) add(TokenKind::data, std::string(text));
    advance(open);
    if (mark == ' ') return;
    const std::size_t begin = open + 2 + (sign == '-' || sign == '+' ? 1 : 0);
    if (mark == '#')
      comment(begin);
    else if (mark == '%' && !raw(begin))
      code(begin, TokenKind::block_begin, TokenKind::block_end, "%}");
    else if (mark == '{')
      // In Jinja `{{+` is the plus of the expression.
      code(sign == '-' ? begin : open + 2, TokenKind::print_begin, TokenKind::print_end, "}}");
  }

  // What the white-space rules leave of the text in front of a tag.
  std::string_view before_tag(std::string_view text, char mark, char sign) const {
    if (sign == '-') return strip_white(text, false, true);
    if (sign == '+' || mark == '{') return text;
    const std::size_t newline = text.rfind('\n');
    const std::size_t line_start = newline == text.npos ? 0 : newline + 1;
    const bool starts_line = line_start > 0 || at_ == 0 || source_[at_ - 1] == '\n';
    if (starts_line && strip_white(text.substr(line_start), true, true).empty())
      return text.substr(0, line_start);
    return text;
  }

  // Past the end of a tag that ends at `at`, with the white space that goes with it.
  void after_tag(std::size_t at, char sign, bool trims_newline) {
    if (sign == '-') {
      const std::string_view rest = std::string_view(source_).substr(at);
      at += rest.size() - strip_white(rest, true, false).size();
    } else if (sign != '+' && trims_newline && at < source_.size() && source_[at] == '\n') {
      ++at;
    }
    advance(at);
  }

  void comment(std::size_t begin) {
    const std::size_t end = source_.find("#}", begin);
    if (end == source_.npos) bad("found a comment without its end #}");
    advance(end);
    after_tag(end + 2, source_[end - 1], true);
  }

  bool raw(std::size_t begin) {
    const auto word_at = [&](std::size_t at, std::string_view word, char& sign) -> std::size_t {
      at = source_.find_first_not_of(" \t\n", at);
      if (at == source_.npos || source_.compare(at, word.size(), word) != 0) return 0;
      at = source_.find_first_not_of(" \t\n", at + word.size());
      if (at == source_.npos) return 0;
      sign = source_[at];
      if (sign == '-' || sign == '+') ++at;
      return source_.compare(at, 2, "%}") == 0 ? at + 2 : 0;
    };
    char sign = ' ';
    const std::size_t start = word_at(begin, "raw", sign);
    if (start == 0) return false;
    after_tag(start, sign, false);
    for (std::size_t open = at_; (open = source_.find("{%", open)) != source_.npos; ++open) {
      const char front = open + 2 < source_.size() ? source_[open + 2] : ' ';
      const std::size_t end =
          word_at(open + (front == '-' || front == '+' ? 3 : 2), "endraw", sign);
      if (end == 0) continue;
      const auto text = before_tag(std::string_view(source_).substr(at_, open - at_), '%', front);
      if (!text.empty()) add(TokenKind::data, std::string(text));
      advance(open);
      after_tag(end, sign, true);
      return true;
    }
    bad("found {% raw %} without {% endraw %}");
  }

  void code(std::size_t begin, TokenKind open, TokenKind close, std::string_view end) {
    add(open, "");
    const std::size_t first_line = line_;
    advance(begin);
    std::string brackets;
    while (true) {
      advance(std::min(source_.find_first_not_of(" \t\n\r\f\v", at_), source_.size()));
      if (at_ >= source_.size())
        fail(fmt::format("line {}: found a tag without its end {}", first_line, end));
      const char c = source_[at_];
      const bool sign = c == '-' || (c == '+' && end == "%}");
      const std::size_t stop = at_ + (sign ? 1 : 0);
      if (brackets.empty() && source_.compare(stop, 2, end) == 0) {
        add(close, "");
        after_tag(stop + 2, c, end == "%}");
        return;
      }
      token(c, brackets);
    }
  }

  void token(char c, std::string& brackets) {
    if (c == '\'' || c == '"') return literal(c);
    std::size_t to = at_;
    if (is_name_start(c)) {
      while (to < source_.size() && (is_name_start(source_[to]) || is_digit(source_[to]))) ++to;
      add(TokenKind::name, source_.substr(at_, to - at_));
    } else if (is_digit(c)) {
      while (to < source_.size() && is_digit(source_[to])) ++to;
      if (to + 1 < source_.size() && source_[to] == '.' && is_digit(source_[to + 1]))
        for (++to; to < source_.size() && is_digit(source_[to]);) ++to;
      if (to < source_.size() && (is_name_start(source_[to])))
        bad("found a number that is not decimal: \"" + source_.substr(at_, to + 1 - at_) + "\"");
      add(TokenKind::number, source_.substr(at_, to - at_));
    } else {
      static constexpr std::array<std::string_view, 24> kSigns = {
          "//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~",
          "[",  "]",  "(",  ")",  "{",  "}",  "<", ">", "=", ".", ":", "|"};
      const auto found =
          std::ranges::find_if(kSigns, [&](std::string_view sign) { return here(sign); });
      const std::string_view sign = found != kSigns.end() ? *found : here(",") ? "," : "";
      if (sign.empty()) bad("found \"" + std::string(1, c) + "\", which no expression has");
      balance(sign[0], brackets);
      to += sign.size();
      add(TokenKind::sign, std::string(sign));
    }
    advance(to);
  }

  void balance(char c, std::string& brackets) const {
    static constexpr std::string_view kOpen = "([{", kClose = ")]}";
    if (kOpen.find(c) != kOpen.npos) brackets += c;
    const std::size_t closes = kClose.find(c);
    if (closes == kClose.npos) return;
    if (brackets.empty() || brackets.back() != kOpen[closes])
      bad(std::string("found \"") + c + "\" without its opening bracket");
    brackets.pop_back();
  }

  // Python's escapes.
  void literal(char quote) {
    std::string text;
    std::size_t at = at_ + 1;
    for (; at < source_.size() && source_[at] != quote; ++at) {
      if (source_[at] != '\\' || at + 1 >= source_.size()) {
        text += source_[at];
        continue;
      }
      static constexpr std::string_view kFrom = "nrtabfv\\'\"", kTo = "\n\r\t\a\b\f\v\\'\"";
      const char c = source_[++at];
      if (const std::size_t known = kFrom.find(c); known != kFrom.npos) {
        text += kTo[known];
      } else if (c == 'x' || c == 'u' || c == 'U') {
        const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        const std::string hex = source_.substr(at + 1, digits);
        if (hex.size() != digits || hex.find_first_not_of("0123456789abcdefABCDEF") != hex.npos ||
            std::stoul(hex, nullptr, 16) > 0x10FFFF)
          bad("found the escape \\" + std::string(1, c) + hex + " in a text");
        append_utf8(text, static_cast<std::uint32_t>(std::stoul(hex, nullptr, 16)));
        at += digits;
      } else if (is_digit(c)) {
        bad("found an octal escape in a text, which is not supported");
      } else if (c != '\n') {
        text += '\\', text += c;
      }
    }
    if (at >= source_.size()) bad("found a text without its closing quote");
    add(TokenKind::text, text);
    advance(at + 1);
  }

  std::string source_;
  std::size_t at_ = 0, line_ = 1;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> cut(std::string_view source) {
  std::string text;
  for (std::size_t i = 0; i < source.size(); ++i) {
    const bool pair = source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n';
    if (!pair) text += source[i] == '\r' ? '\n' : source[i];
  }
  if (text.ends_with('\n')) text.pop_back();
  return Lexer(std::move(text)).run();
}

}  // namespace tradeoff::text::jinja
