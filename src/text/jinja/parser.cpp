#include <algorithm>
#include <array>
#include <initializer_list>

#include "syntax.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::text::jinja {
namespace {

constexpr int kMostNesting = 100;

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  NodePtr run() {
    NodePtr block = statements({});
    if (now().kind != TokenKind::end) unexpected("a statement");
    return block;
  }

 private:
  const Token& now() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
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
    explicit Nested(Parser& owner) : parser(owner) {
      if (++parser.depth_ > kMostNesting)
        parser.bad(parser.now().line, "found more than 100 levels of nesting");
    }
    ~Nested() { --parser.depth_; }
    Parser& parser;
  };

  // Up to a tag that begins with one of `ends`, whose name is then the current token.
  NodePtr statements(std::initializer_list<std::string_view> ends) {
    const Nested nested(*this);
    NodePtr block = node(NodeKind::block);
    while (now().kind != TokenKind::end) {
      if (now().kind == TokenKind::data) {
        NodePtr data = node(NodeKind::data);
        data->value = Text(tokens_[at_++].text);
        block->kids.push_back(std::move(data));
      } else if (now().kind == TokenKind::print_begin) {
        ++at_;
        NodePtr print = node(NodeKind::print);
        print->kids.push_back(tuple(true));
        expect_end(TokenKind::print_end);
        block->kids.push_back(std::move(print));
      } else {
        ++at_;
        for (const std::string_view end : ends)
          if (is_name(end)) return block;
        block->kids.push_back(statement());
      }
    }
    if (ends.size() > 0) unexpected("{% " + std::string(*(ends.end() - 1)) + " %}");
    return block;
  }

  void end_tag() {
    ++at_;
    expect_end(TokenKind::block_end);
  }

  NodePtr statement() {
    NodePtr made = node(NodeKind::block);
    const std::string name = expect_name("the name of a statement");
    if (name == "for") return loop(std::move(made));
    if (name == "if") return branch(std::move(made));
    if (name == "set") return set(std::move(made));
    if (name == "macro") return macro(std::move(made));
    if (name == "filter") {
      made->kind = NodeKind::filter_block;
      filtered_body(*made, "endfilter", true);
      return made;
    }
    if (name == "generation") {
      expect_end(TokenKind::block_end);
      made->kids.push_back(statements({"endgeneration"}));
      end_tag();
      return made;
    }
    if (name == "break" || name == "continue") {
      if (loops_ == 0) bad(made->line, "found {% " + name + " %} outside of a loop");
      made->kind = name == "break" ? NodeKind::stop : NodeKind::next;
      expect_end(TokenKind::block_end);
      return made;
    }
    bad(made->line, "found {% " + name +
                        " %}, expected for, if, set, macro, filter, generation, break or "
                        "continue");
  }

  std::vector<std::string> targets() {
    std::vector<std::string> names;
    const bool brackets = take_sign("(");
    do names.push_back(expect_name("a name to assign to"));
    while (take_sign(","));
    if (brackets) expect_sign(")");
    return names;
  }

  NodePtr loop(NodePtr made) {
    made->kind = NodeKind::loop;
    made->names = targets();
    if (!take_name("in")) unexpected("in");
    made->kids.push_back(tuple(false));
    made->kids.push_back(take_name("if") ? expression() : nullptr);
    if (is_name("recursive")) bad(now().line, "found a recursive loop, which is not supported");
    expect_end(TokenKind::block_end);
    ++loops_;
    made->kids.push_back(statements({"else", "endfor"}));
    --loops_;
    const bool otherwise = is_name("else");
    end_tag();
    made->kids.push_back(otherwise ? statements({"endfor"}) : nullptr);
    if (otherwise) end_tag();
    return made;
  }

  NodePtr branch(NodePtr made) {
    made->kind = NodeKind::branch;
    made->kids.push_back(tuple(false));
    expect_end(TokenKind::block_end);
    made->kids.push_back(statements({"elif", "else", "endif"}));
    if (is_name("elif")) {
      NodePtr other = node(NodeKind::branch);
      ++at_;
      const Nested nested(*this);
      made->kids.push_back(branch(std::move(other)));
      return made;
    }
    const bool otherwise = is_name("else");
    end_tag();
    made->kids.push_back(otherwise ? statements({"endif"}) : nullptr);
    if (otherwise) end_tag();
    return made;
  }

  // Filters, the end of the tag, then the body up to `end`.
  void filtered_body(Node& made, std::string_view end, bool first) {
    std::vector<NodePtr> filters;
    while (first || take_sign("|")) filters.push_back(filter(nullptr)), first = false;
    expect_end(TokenKind::block_end);
    made.kids.push_back(statements({end}));
    end_tag();
    for (NodePtr& one : filters) made.kids.push_back(std::move(one));
  }

  NodePtr set(NodePtr made) {
    made->kind = NodeKind::set;
    made->names = targets();
    if (made->names.size() == 1 && take_sign(".")) made->text = expect_name("an attribute");
    if (take_sign("=")) {
      made->kids.push_back(tuple(true));
      expect_end(TokenKind::block_end);
      return made;
    }
    if (made->names.size() != 1 || !made->text.empty()) unexpected("\"=\"");
    made->kind = NodeKind::set_block;
    filtered_body(*made, "endset", false);
    return made;
  }

  NodePtr macro(NodePtr made) {
    made->kind = NodeKind::macro;
    made->text = expect_name("the name of a macro");
    made->kids.push_back(nullptr);
    expect_sign("(");
    while (!is_sign(")")) {
      made->names.push_back(expect_name("a parameter"));
      made->kids.push_back(take_sign("=") ? expression() : nullptr);
      if (!is_sign(")")) expect_sign(",");
    }
    ++at_;
    expect_end(TokenKind::block_end);
    const int outer = std::exchange(loops_, 0);
    made->kids[0] = statements({"endmacro"});
    loops_ = outer;
    end_tag();
    return made;
  }

  // One expression, or several with commas: a list.
  NodePtr tuple(bool with_choice) {
    NodePtr first = with_choice ? expression() : either();
    if (!is_sign(",")) return first;
    NodePtr list = node(NodeKind::list);
    list->kids.push_back(std::move(first));
    while (take_sign(",") && now().kind != TokenKind::print_end &&
           now().kind != TokenKind::block_end && !is_sign(")"))
      list->kids.push_back(with_choice ? expression() : either());
    return list;
  }

  NodePtr expression() {
    const Nested nested(*this);
    NodePtr value = either();
    while (is_name("if")) {
      NodePtr choice = node(NodeKind::choice);
      ++at_;
      choice->kids.push_back(either());
      choice->kids.push_back(std::move(value));
      choice->kids.push_back(take_name("else") ? expression() : nullptr);
      value = std::move(choice);
    }
    return value;
  }

  template <typename Operand>
  NodePtr left_to_right(Operand operand, TokenKind kind,
                        std::initializer_list<std::string_view> signs) {
    NodePtr left = operand();
    for (bool again = true; again;) {
      again = false;
      for (const std::string_view sign : signs) {
        if (!is(kind, sign)) continue;
        NodePtr made = node(NodeKind::binary, std::string(sign));
        ++at_;
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

  NodePtr either() {
    return left_to_right([&] { return both(); }, TokenKind::name, {"or"});
  }
  NodePtr both() {
    return left_to_right([&] { return negated(); }, TokenKind::name, {"and"});
  }
  NodePtr negated() {
    const Nested nested(*this);
    if (!is_name("not")) return compared();
    NodePtr made = node(NodeKind::unary, "not");
    ++at_;
    made->kids.push_back(negated());
    return made;
  }

  NodePtr compared() {
    NodePtr made = node(NodeKind::compare);
    made->kids.push_back(sum());
    while (true) {
      const bool not_in = is_name("not") && ahead().kind == TokenKind::name && ahead().text == "in";
      static constexpr std::array<std::string_view, 6> kSigns = {"==", "!=", "<=", ">=", "<", ">"};
      const bool sign = now().kind == TokenKind::sign &&
                        std::ranges::find(kSigns, std::string_view(now().text)) != kSigns.end();
      if (!not_in && !sign && !is_name("in")) break;
      made->names.push_back(not_in ? "not in" : now().text);
      at_ += not_in ? 2 : 1;
      made->kids.push_back(sum());
    }
    return made->names.empty() ? std::move(made->kids[0]) : std::move(made);
  }

  NodePtr sum() {
    return left_to_right([&] { return joined(); }, TokenKind::sign, {"+", "-"});
  }
  NodePtr joined() {
    return left_to_right([&] { return product(); }, TokenKind::sign, {"~"});
  }
  NodePtr product() {
    return left_to_right([&] { return power(); }, TokenKind::sign, {"*", "//", "/", "%"});
  }
  NodePtr power() {
    return left_to_right([&] { return signed_value(true); }, TokenKind::sign, {"**"});
  }

  NodePtr signed_value(bool with_filter) {
    const Nested nested(*this);
    NodePtr made;
    if (is_sign("-") || is_sign("+")) {
      made = node(NodeKind::unary, now().text);
      ++at_;
      made->kids.push_back(signed_value(false));
    } else {
      made = primary();
    }
    made = postfix(std::move(made));
    return with_filter ? filters(std::move(made)) : std::move(made);
  }

  NodePtr primary() {
    NodePtr made = node(NodeKind::constant);
    const Token token = now();
    if (token.kind == TokenKind::text) {
      std::string text;
      while (now().kind == TokenKind::text) text += tokens_[at_++].text;
      made->value = Text(text);
      return made;
    }
    ++at_;
    if (token.kind == TokenKind::number) {
      if (token.text.size() > 18) bad(token.line, "found the number " + token.text + ", too long");
      if (token.text.find('.') != std::string::npos)
        made->value = std::stod(token.text);
      else
        made->value = static_cast<std::int64_t>(std::stoll(token.text));
      return made;
    }
    if (token.kind == TokenKind::name) {
      const std::string lower = token.text;
      if (lower == "true" || lower == "True") return made->value = true, std::move(made);
      if (lower == "false" || lower == "False") return made->value = false, std::move(made);
      if (lower == "none" || lower == "None") return made;
      made->kind = NodeKind::name;
      made->text = token.text;
      return made;
    }
    if (token.kind == TokenKind::sign && token.text == "(") {
      if (take_sign(")")) return made->kind = NodeKind::list, std::move(made);
      NodePtr inner = tuple(true);
      expect_sign(")");
      return inner;
    }
    const bool list = token.kind == TokenKind::sign && token.text == "[";
    if (list || (token.kind == TokenKind::sign && token.text == "{")) {
      made->kind = list ? NodeKind::list : NodeKind::dict;
      const char* close = list ? "]" : "}";
      while (!is_sign(close)) {
        made->kids.push_back(expression());
        if (!list) expect_sign(":"), made->kids.push_back(expression());
        if (!is_sign(close)) expect_sign(",");
      }
      ++at_;
      return made;
    }
    --at_;
    unexpected("an expression");
  }

  NodePtr postfix(NodePtr object) {
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

  void subscript(Node& made) {
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
    ++at_;
    if (colons > 0)
      made.kind = NodeKind::slice;
    else if (!parts[0])
      unexpected("an index");
    for (std::size_t i = 0; i < (colons > 0 ? 3 : 1); ++i) made.kids.push_back(std::move(parts[i]));
  }

  void arguments(Node& made) {
    expect_sign("(");
    while (!is_sign(")")) {
      if (is_sign("*") || is_sign("**"))
        bad(now().line, "found an argument with " + now().text + ", which is not supported");
      std::string name;
      if (now().kind == TokenKind::name && ahead().kind == TokenKind::sign && ahead().text == "=") {
        name = now().text;
        at_ += 2;
      } else if (!made.names.empty() && !made.names.back().empty()) {
        unexpected("a named argument");
      }
      made.names.push_back(name);
      made.kids.push_back(expression());
      if (!is_sign(")")) expect_sign(",");
    }
    ++at_;
  }

  NodePtr filter(NodePtr object) {
    NodePtr made = node(NodeKind::filter);
    made->text = expect_name("the name of a filter");
    made->kids.push_back(std::move(object));
    if (is_sign("(")) arguments(*made);
    return made;
  }

  NodePtr filters(NodePtr object) {
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

  NodePtr test(NodePtr object) {
    NodePtr made = node(NodeKind::test);
    ++at_;
    NodePtr negation = is_name("not") ? node(NodeKind::unary, "not") : nullptr;
    if (negation) ++at_;
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

  std::vector<Token> tokens_;
  std::size_t at_ = 0, chain_ = 0;
  int depth_ = 0, loops_ = 0;
};

}  // namespace

NodePtr parse(std::string_view source) {
  return Parser(cut(source)).run();
}

}  // namespace tradeoff::text::jinja
