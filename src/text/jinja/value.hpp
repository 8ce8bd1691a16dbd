#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tradeoff/text/chat.hpp"

namespace tradeoff::text::jinja {

/// Text that knows of each byte who wrote it. Positions in Python's sense are characters; a byte
/// that is no part of valid UTF-8 goes with the character before it.
struct Text {
  std::string bytes;
  std::string kinds;  // as long as bytes; each a SegmentKind

  Text() = default;
  Text(std::string text, SegmentKind kind = SegmentKind::markup)
      : bytes(std::move(text)), kinds(bytes.size(), static_cast<char>(kind)) {}
  Text substr(std::size_t at, std::size_t count = std::string::npos) const;
  Text& operator+=(const Text& other);
  /// Where each character begins, and the end.
  std::vector<std::size_t> characters() const;
};

class Value;
struct Dict;
struct Namespace;
struct Arguments;

struct Undefined {
  std::string name;  // as errors tell it: 'x', or 'dict object' has no attribute 'x'
};
struct None {};

using List = std::vector<Value>;
/// A macro, a function or a method; `call` says what it makes of its arguments.
struct Function {
  std::string name;
  std::function<Value(Arguments&)> call;
  int depth = 0;  // of what a method belongs to
};

/// Values nest no deeper: they are printed, compared and freed by recursion.
inline constexpr int kMostValueDepth = 100;

class Value {
 public:
  using Variant =
      std::variant<Undefined, None, bool, std::int64_t, double, std::shared_ptr<const Text>,
                   std::shared_ptr<const List>, std::shared_ptr<const Dict>,
                   std::shared_ptr<Namespace>, std::shared_ptr<const Function>>;
  Value() : held_(None{}) {}
  Value(Undefined value) : held_(std::move(value)) {}
  Value(bool value) : held_(value) {}
  Value(std::int64_t value) : held_(value) {}
  Value(double value) : held_(value) {}
  Value(Text value) : held_(std::make_shared<const Text>(std::move(value))) {}
  /// Refuse what is nested deeper than kMostValueDepth.
  Value(List value);
  Value(Dict value);
  Value(std::shared_ptr<Namespace> value) : held_(std::move(value)), holds_namespace_(true) {}
  Value(Function value)
      : depth_(value.depth), held_(std::make_shared<const Function>(std::move(value))) {}

  template <typename T>
  bool is() const {
    return std::holds_alternative<T>(held_);
  }
  const Undefined* undefined() const { return std::get_if<Undefined>(&held_); }
  const Text* text() const { return shared<const Text>(); }
  const List* list() const { return shared<const List>(); }
  const Dict* dict() const { return shared<const Dict>(); }
  Namespace* names() const { return shared<Namespace>(); }
  const Function* function() const { return shared<const Function>(); }
  const bool* boolean() const { return std::get_if<bool>(&held_); }
  /// Integers, and bools as Python counts them.
  bool integer(std::int64_t& number) const;
  bool number(double& number) const;
  bool is_float() const { return is<double>(); }
  /// Levels of lists and dicts.
  int depth() const { return depth_; }
  /// Whether it is a namespace or has one in it.
  bool holds_namespace() const { return holds_namespace_; }

 private:
  void nest(const Value& inner);
  template <typename T>
  T* shared() const {
    const auto* found = std::get_if<std::shared_ptr<T>>(&held_);
    return found ? found->get() : nullptr;
  }
  int depth_ = 0;
  Variant held_;
  bool holds_namespace_ = false;
};

/// In the order of insertion, as in Python.
struct Dict {
  std::vector<std::pair<Value, Value>> entries;
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  void set(Value key, Value value);
};

struct Namespace {
  Dict attributes;
  /// Refuses a value that has a namespace in it: chains of them would have no end.
  void set(Value name, Value value);
};

struct Arguments {
  List positional;
  std::vector<std::pair<std::string, Value>> named;
  /// The argument that stands at `place` or is called `name`, taken away; nullptr where neither is.
  const Value* find(std::size_t place, std::string_view name) const;
};

/// Errors of the semantics; the evaluator adds the name of the template and the line.
[[noreturn]] void refuse(const std::string& what);

/// Work of the rendering that this thread is at: values compared or walked over, 16 bytes copied.
/// Refuses more than any real template needs, a second's worth or so.
void spend_work(std::size_t amount);
void begin_work();

bool truthy(const Value& value);
bool equal(const Value& a, const Value& b);
/// Less than, equal or more as -1, 0, 1. Refuses what Python does not order.
int order(const Value& a, const Value& b);
bool contains(const Value& container, const Value& item);
/// "str", "list", ... as Python names the type.
std::string type_name(const Value& value);
/// Python's str(): what {{ }} writes. Of text, the text.
Text to_text(const Value& value);
std::string repr(const Value& value);
/// json.dumps(value, ensure_ascii=False, indent=indent); no indent below 0.
Text to_json_text(const Value& value, int indent, bool sort_keys);
/// The items that a `for` walks: a list's, a dict's keys, a text's characters, none of undefined.
List items_of(const Value& value);
std::int64_t length_of(const Value& value);
/// Python's str.strip, of either side; white space where `characters` is null.
Text strip(const Text& text, const Text* characters, bool left, bool right);

}  // namespace tradeoff::text::jinja
