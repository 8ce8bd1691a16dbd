#pragma once
#include <algorithm>
#include <array>

#include "syntax.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::text::jinja {

/// A place in a template's tokens, and what is said where another token stands there than expected.
class TokenReader {
 public:
  explicit TokenReader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

 protected:
  const Token& now() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& take() { return tokens_[at_++]; }
  bool is(TokenKind kind, std::string_view text) const {
    return now().kind == kind && now().text == text;
  }
  bool is_name(std::string_view text) const { return is(TokenKind::name, text); }
  bool is_sign(std::string_view text) const { return is(TokenKind::sign, text); }
  bool take(TokenKind kind, std::string_view text) { return is(kind, text) && (++at_, true); }
  bool take_name(std::string_view text) { return take(TokenKind::name, text); }
  bool take_sign(std::string_view text) { return take(TokenKind::sign, text); }

  [[noreturn]] void bad(std::size_t line, const std::string& what) const {
    fail("line " + std::to_string(line) + ": " + what);
  }
  [[noreturn]] void unexpected(const std::string& expected) const {
    static constexpr std::array<const char*, 10> kKinds = {
        "text", "{%", "%}", "{{", "}}", "a name", "a text", "a number", "", "the template's end"};
    const Token& token = now();
    const std::string found = token.text.empty() || token.kind == TokenKind::data
                                  ? kKinds[static_cast<std::size_t>(token.kind)]
                                  : "\"" + token.text + "\"";
    bad(token.line, "found " + found + ", expected " + expected);
  }
  void expect_sign(std::string_view sign) {
    if (!take_sign(sign)) unexpected("\"" + std::string(sign) + "\"");
  }
  std::string expect_name(const std::string& what) {
    if (now().kind != TokenKind::name) unexpected(what);
    return tokens_[at_++].text;
  }
  void expect_end(TokenKind kind) {
    if (now().kind != kind) unexpected(kind == TokenKind::print_end ? "}}" : "%}");
    ++at_;
  }
  NodePtr node(NodeKind kind, std::string text = {}) const {
    return NodePtr(new Node{kind, now().line, std::move(text)});
  }

  // Counts the nesting of what is parsed while it lives.
  struct Nested {
    explicit Nested(TokenReader& owner) : parser(owner) {
      if (++parser.depth_ > kMostNesting)
        parser.bad(parser.now().line, "found more than 100 levels of nesting");
    }
    ~Nested() { --parser.depth_; }
    TokenReader& parser;
  };

 private:
  static constexpr int kMostNesting = 100;

  std::vector<Token> tokens_;  // the last one is `end`
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace tradeoff::text::jinja
