#include "expressions.hpp"

namespace tradeoff::text::jinja {

NodePtr ExpressionParser::tuple(bool with_choice) {
  NodePtr first = with_choice ? expression() : either();
  if (!is_sign(",")) return first;
  NodePtr list = node(NodeKind::list);
  list->kids.push_back(std::move(first));
  while (take_sign(",") && now().kind != TokenKind::print_end &&
         now().kind != TokenKind::block_end && !is_sign(")"))
    list->kids.push_back(with_choice ? expression() : either());
  return list;
}

NodePtr ExpressionParser::expression() {
  const Nested nested(*this);
  NodePtr value = either();
  while (is_name("if")) {
    NodePtr choice = node(NodeKind::choice);
    take();
    choice->kids.push_back(either());
    choice->kids.push_back(std::move(value));
    choice->kids.push_back(take_name("else") ? expression() : nullptr);
    value = std::move(choice);
  }
  return value;
}

template <typename Operand>
NodePtr ExpressionParser::left_to_right(Operand operand, TokenKind kind,
                                        std::initializer_list<std::string_view> signs) {
  NodePtr left = operand();
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view sign : signs) {
      if (!is(kind, sign)) continue;
      NodePtr made = node(NodeKind::binary, std::string(sign));
      take();
      made->kids.push_back(std::move(left));
      made->kids.push_back(operand());
      left = std::move(made);
      again = true;
      if (++chain_ > 10000) bad(now().line, "found an expression of more than 10000 operators");
      break;
    }
  }
  return left;
}

NodePtr ExpressionParser::either() {
  return left_to_right([&] { return both(); }, TokenKind::name, {"or"});
}
NodePtr ExpressionParser::both() {
  return left_to_right([&] { return negated(); }, TokenKind::name, {"and"});
}
NodePtr ExpressionParser::negated() {
  const Nested nested(*this);
  if (!is_name("not")) return compared();
  NodePtr made = node(NodeKind::unary, "not");
  take();
  made->kids.push_back(negated());
  return made;
}

NodePtr ExpressionParser::compared() {
  NodePtr made = node(NodeKind::compare);
  made->kids.push_back(sum());
  while (true) {
    const bool not_in = is_name("not") && ahead().kind == TokenKind::name && ahead().text == "in";
    static constexpr std::array<std::string_view, 6> kSigns = {"==", "!=", "<=", ">=", "<", ">"};
    const bool sign = now().kind == TokenKind::sign &&
                      std::ranges::find(kSigns, std::string_view(now().text)) != kSigns.end();
    if (!not_in && !sign && !is_name("in")) break;
    made->names.push_back(not_in ? "not in" : now().text);
    if (not_in) take();
    take();
    made->kids.push_back(sum());
  }
  return made->names.empty() ? std::move(made->kids[0]) : std::move(made);
}

NodePtr ExpressionParser::sum() {
  return left_to_right([&] { return joined(); }, TokenKind::sign, {"+", "-"});
}
NodePtr ExpressionParser::joined() {
  return left_to_right([&] { return product(); }, TokenKind::sign, {"~"});
}
NodePtr ExpressionParser::product() {
  return left_to_right([&] { return power(); }, TokenKind::sign, {"*", "//", "/", "%"});
}
NodePtr ExpressionParser::power() {
  return left_to_right([&] { return signed_value(true); }, TokenKind::sign, {"**"});
}

NodePtr ExpressionParser::signed_value(bool with_filter) {
  const Nested nested(*this);
  NodePtr made;
  if (is_sign("-") || is_sign("+")) {
    made = node(NodeKind::unary, now().text);
    take();
    made->kids.push_back(signed_value(false));
  } else {
    made = primary();
  }
  made = postfix(std::move(made));
  return with_filter ? filters(std::move(made)) : std::move(made);
}

NodePtr ExpressionParser::primary() {
  if (now().kind == TokenKind::text) return text_literal();
  if (now().kind == TokenKind::number) return number();
  if (now().kind == TokenKind::name) return named();
  if (is_sign("(")) return in_brackets();
  if (is_sign("[") || is_sign("{")) return collection();
  unexpected("an expression");
}

NodePtr ExpressionParser::text_literal() {
  NodePtr made = node(NodeKind::constant);
  std::string text;
  while (now().kind == TokenKind::text) text += take().text;
  made->value = Text(text);
  return made;
}

NodePtr ExpressionParser::number() {
  NodePtr made = node(NodeKind::constant);
  const std::string text = take().text;
  if (text.size() > 18) bad(made->line, "found the number " + text + ", too long");
  if (text.find('.') != std::string::npos)
    made->value = std::stod(text);
  else
    made->value = static_cast<std::int64_t>(std::stoll(text));
  return made;
}

NodePtr ExpressionParser::named() {
  NodePtr made = node(NodeKind::constant);
  const std::string name = take().text;
  if (name == "true" || name == "True") {
    made->value = true;
  } else if (name == "false" || name == "False") {
    made->value = false;
  } else if (name != "none" && name != "None") {
    made->kind = NodeKind::name;
    made->text = name;
  }
  return made;
}

NodePtr ExpressionParser::in_brackets() {
  NodePtr empty = node(NodeKind::list);
  expect_sign("(");
  if (take_sign(")")) return empty;
  NodePtr inner = tuple(true);
  expect_sign(")");
  return inner;
}

NodePtr ExpressionParser::collection() {
  const bool list = is_sign("[");
  NodePtr made = node(list ? NodeKind::list : NodeKind::dict);
  take();
  const char* close = list ? "]" : "}";
  while (!is_sign(close)) {
    made->kids.push_back(expression());
    if (!list) expect_sign(":"), made->kids.push_back(expression());
    if (!is_sign(close)) expect_sign(",");
  }
  take();
  return made;
}

NodePtr ExpressionParser::postfix(NodePtr object) {
  while (true) {
    NodePtr made = node(NodeKind::attribute);
    if (take_sign(".")) {
      if (now().kind == TokenKind::number) {
        made->kind = NodeKind::item;
        made->kids.push_back(std::move(object));
        made->kids.push_back(primary());
      } else {
        made->text = expect_name("an attribute");
        made->kids.push_back(std::move(object));
      }
    } else if (take_sign("[")) {
      made->kids.push_back(std::move(object));
      subscript(*made);
    } else if (is_sign("(")) {
      made->kind = NodeKind::call;
      made->kids.push_back(std::move(object));
      arguments(*made);
    } else {
      return object;
    }
    object = std::move(made);
  }
}

void ExpressionParser::subscript(Node& made) {
  made.kind = NodeKind::item;
  std::size_t colons = 0;
  std::array<NodePtr, 3> parts;
  while (!is_sign("]")) {
    if (take_sign(":")) {
      if (++colons > 2) unexpected("\"]\"");
    } else if (parts[colons]) {
      unexpected("\"]\"");
    } else {
      parts[colons] = expression();
    }
  }
  take();
  if (colons > 0)
    made.kind = NodeKind::slice;
  else if (!parts[0])
    unexpected("an index");
  for (std::size_t i = 0; i < (colons > 0 ? 3 : 1); ++i) made.kids.push_back(std::move(parts[i]));
}

void ExpressionParser::arguments(Node& made) {
  expect_sign("(");
  while (!is_sign(")")) {
    if (is_sign("*") || is_sign("**"))
      bad(now().line, "found an argument with " + now().text + ", which is not supported");
    std::string name;
    if (now().kind == TokenKind::name && ahead().kind == TokenKind::sign && ahead().text == "=") {
      name = now().text;
      take(), take();
    } else if (!made.names.empty() && !made.names.back().empty()) {
      unexpected("a named argument");
    }
    made.names.push_back(name);
    made.kids.push_back(expression());
    if (!is_sign(")")) expect_sign(",");
  }
  take();
}

NodePtr ExpressionParser::filter(NodePtr object) {
  NodePtr made = node(NodeKind::filter);
  made->text = expect_name("the name of a filter");
  made->kids.push_back(std::move(object));
  if (is_sign("(")) arguments(*made);
  return made;
}

NodePtr ExpressionParser::filters(NodePtr object) {
  while (true) {
    if (take_sign("|")) {
      object = filter(std::move(object));
    } else if (is_name("is")) {
      object = test(std::move(object));
    } else if (is_sign("(")) {
      object = postfix(std::move(object));
    } else {
      return object;
    }
  }
}

NodePtr ExpressionParser::test(NodePtr object) {
  NodePtr made = node(NodeKind::test);
  take();
  NodePtr negation = is_name("not") ? node(NodeKind::unary, "not") : nullptr;
  if (negation) take();
  made->text = expect_name("the name of a test");
  made->kids.push_back(std::move(object));
  const bool bare = now().kind == TokenKind::text || now().kind == TokenKind::number ||
                    is_sign("[") || is_sign("{") ||
                    (now().kind == TokenKind::name && !is_name("else") && !is_name("or") &&
                     !is_name("and") && !is_name("if") && !is_name("is"));
  if (is_sign("(")) {
    arguments(*made);
  } else if (bare) {
    made->names.push_back("");
    made->kids.push_back(postfix(primary()));
  }
  if (!negation) return made;
  negation->kids.push_back(std::move(made));
  return negation;
}

}  // namespace tradeoff::text::jinja
