#include <utility>

#include "expressions.hpp"

namespace tradeoff::text::jinja {
namespace {

// Parses statements.
class Parser : ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  NodePtr run() {
    NodePtr block = statements({});
    if (now().kind != TokenKind::end) unexpected("a statement");
    return block;
  }

 private:
  // Up to a tag that begins with one of `ends`, whose name is then the current token.
  NodePtr statements(std::initializer_list<std::string_view> ends) {
    const Nested nested(*this);
    NodePtr block = node(NodeKind::block);
    while (now().kind != TokenKind::end) {
      if (now().kind == TokenKind::data) {
        NodePtr data = node(NodeKind::data);
        data->value = Text(take().text);
        block->kids.push_back(std::move(data));
      } else if (now().kind == TokenKind::print_begin) {
        take();
        NodePtr print = node(NodeKind::print);
        print->kids.push_back(tuple(true));
        expect_end(TokenKind::print_end);
        block->kids.push_back(std::move(print));
      } else {
        take();
        for (const std::string_view end : ends)
          if (is_name(end)) return block;
        block->kids.push_back(statement());
      }
    }
    if (ends.size() > 0) unexpected("{% " + std::string(*(ends.end() - 1)) + " %}");
    return block;
  }

  void end_tag() {
    take();
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
      take();
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
    take();
    expect_end(TokenKind::block_end);
    const int outer = std::exchange(loops_, 0);
    made->kids[0] = statements({"endmacro"});
    loops_ = outer;
    end_tag();
    return made;
  }

  int loops_ = 0;  // around the statement
};

}  // namespace

NodePtr parse(std::string_view source) {
  return Parser(cut(source)).run();
}

}  // namespace tradeoff::text::jinja
