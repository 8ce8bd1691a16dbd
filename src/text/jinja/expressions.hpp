#pragma once
#include <initializer_list>

#include "token_reader.hpp"

namespace tradeoff::text::jinja {

/// Parses expressions, one function a level of Jinja's precedence, from `expression` down.
class ExpressionParser : public TokenReader {
 public:
  using TokenReader::TokenReader;

 protected:
  /// One expression, or several with commas: a list. `with_choice`: x if y else z may stand bare.
  NodePtr tuple(bool with_choice);
  NodePtr expression();
  /// A filter's name and arguments, applied to `object`; null for the filters of a block.
  NodePtr filter(NodePtr object);

 private:
  template <typename Operand>
  NodePtr left_to_right(Operand operand, TokenKind kind,
                        std::initializer_list<std::string_view> signs);
  NodePtr either();
  NodePtr both();
  NodePtr negated();
  NodePtr compared();
  NodePtr sum();
  NodePtr joined();
  NodePtr product();
  NodePtr power();
  NodePtr signed_value(bool with_filter);
  NodePtr primary();
  NodePtr text_literal();
  NodePtr number();
  NodePtr named();
  NodePtr in_brackets();
  NodePtr collection();
  NodePtr postfix(NodePtr object);
  void subscript(Node& made);
  void arguments(Node& made);
  NodePtr filters(NodePtr object);
  NodePtr test(NodePtr object);

  std::size_t chain_ = 0;  // operators so far
};

}  // namespace tradeoff::text::jinja
