#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "value.hpp"

namespace tradeoff::text::jinja {

enum class TokenKind {
  data,
  block_begin,
  block_end,
  print_begin,
  print_end,
  name,
  text,
  number,
  sign,
  end
};

struct Token {
  TokenKind kind;
  std::string text;  // of a text literal, what it stands for
  std::size_t line;
};

/// Cuts a template as Jinja does with trim_blocks and lstrip_blocks, which is what transformers
/// sets; comments are left out. Ends with a token `end`. Throws Error "line N: ...".
std::vector<Token> cut(std::string_view source);

struct Node;
using NodePtr = std::unique_ptr<Node>;

// What stands in a node's `kids`, `names` and `text`.
enum class NodeKind {
  // Expressions.
  constant,   // value
  name,       // text
  attribute,  // object; text
  item,       // object, index
  slice,      // object, from, to, step (each may be null)
  call,       // callee, arguments; names: of the arguments, "" where positional
  filter,     // object, arguments; text; names as of call
  test,       // object, arguments; text; names as of call
  list,       // items
  dict,       // key, value, key, value, ...
  unary,      // text: - + not
  binary,     // text: + - * / // % ** ~ and or in "not in"
  compare,    // first, then one operand for each of names (== != < <= > >= in "not in")
  choice,     // condition, then, else (may be null)
  // Statements.
  data,          // value
  print,         // expression
  block,         // statements
  loop,          // iterable, condition (may be null), body, else (may be null); names: targets
  branch,        // condition, then, else (may be null)
  set,           // expression; names: targets; text: attribute of a namespace, if any
  set_block,     // body, then filters applied from left to right; names: the target
  filter_block,  // as set_block without a target
  macro,         // body, then defaults (null: none); text; names: parameters
  stop,          // break
  next,          // continue
};

struct Node {
  NodeKind kind;
  std::size_t line;
  std::string text = {};
  std::vector<NodePtr> kids = {};
  std::vector<std::string> names = {};
  Value value = {};
};

/// The template's statements, a `block`. Throws Error "line N: ...".
NodePtr parse(std::string_view source);

}  // namespace tradeoff::text::jinja
