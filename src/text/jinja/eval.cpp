#include "eval.hpp"

#include <algorithm>

#include "library.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::text::jinja {
namespace {

constexpr std::size_t kMostSteps = 1000000, kMostBytes = 128u << 20;
constexpr int kMostDepth = 400;

// An error that knows its line.
struct Placed : Error {
  using Error::Error;
};

struct Scope {
  std::map<std::string, Value> names;
  std::shared_ptr<Scope> outer;
};
using ScopePtr = std::shared_ptr<Scope>;

enum class Flow { on, stop, next };

class Evaluation {
 public:
  Evaluation(const std::map<std::string, Value>& variables, const std::string& date) : date_(date) {
    const auto function = [&](const char* name, auto work) {
      globals_->names[name] = Function{name, work};
    };
    function("raise_exception", [](Arguments& a) -> Value {
      refuse("the template refuses: " +
             (a.positional.empty() ? "" : to_text(a.positional[0]).bytes));
    });
    function("strftime_now", [this](Arguments& a) -> Value {
      if (a.positional.size() != 1) refuse("strftime_now: expected one format");
      return Text(format_date(date_, text_of_value(a.positional[0], "strftime_now").bytes));
    });
    const auto dict_of = [](Arguments& a) {
      Dict dict;
      for (const Value& one : a.positional) {
        if (!one.dict()) refuse("found " + type_name(one) + ", expected a dict");
        for (const auto& [key, value] : one.dict()->entries) dict.set(key, value);
      }
      for (const auto& [name, value] : a.named) dict.set(Text(name), value);
      return dict;
    };
    function("dict", [dict_of](Arguments& a) -> Value { return dict_of(a); });
    function("namespace", [dict_of](Arguments& a) -> Value {
      auto made = std::make_shared<Namespace>();
      const Dict given = dict_of(a);
      for (const auto& [key, value] : given.entries) made->set(key, value);
      return made;
    });
    function("range", range);
    for (const auto& [name, value] : variables) globals_->names[name] = value;
  }

  Text render(const Node& root) {
    begin_work();
    Text out;
    block(root, std::make_shared<Scope>(Scope{{}, globals_}), out);
    return out;
  }

 private:
  static Value range(Arguments& a) {
    std::int64_t from = 0, to = 0, by = 1;
    if (a.positional.empty() || a.positional.size() > 3) refuse("range: expected 1 to 3 integers");
    const auto at = [&](std::size_t i) { return integer_of(a.positional[i], "range"); };
    to = at(a.positional.size() > 1 ? 1 : 0);
    if (a.positional.size() > 1) from = at(0);
    if (a.positional.size() > 2) by = at(2);
    if (by == 0) refuse("range: found step 0");
    List list;
    for (std::int64_t i = from; by > 0 ? i < to : i > to;) {
      if (list.size() == 100000) refuse("range: found more than 100000 integers");
      list.emplace_back(i);
      if (__builtin_add_overflow(i, by, &i)) break;
    }
    spend_work(list.size());
    return list;
  }

  // Counts one step, and the depth while it lives.
  struct Step {
    explicit Step(Evaluation& owner) : run(owner) {
      if (++run.steps_ > kMostSteps) refuse("the template takes more than 1000000 steps");
      if (++run.depth_ > kMostDepth) refuse("the template nests deeper than 400 levels");
    }
    ~Step() { --run.depth_; }
    Evaluation& run;
  };

  template <typename Work>
  auto placed(const Node& node, Work work) {
    try {
      const Step step(*this);
      return work();
    } catch (const Placed&) {
      throw;
    } catch (const Error& error) {
      throw Placed("line " + std::to_string(node.line) + ": " + error.what());
    }
  }

  void spend(const Value& value) {
    if (!value.text()) return;
    bytes_ += value.text()->bytes.size();
    if (bytes_ > kMostBytes) refuse("the template makes more than 128 MiB of text");
  }

  Flow block(const Node& node, const ScopePtr& scope, Text& out) {
    for (const NodePtr& one : node.kids)
      if (const Flow flow = statement(*one, scope, out); flow != Flow::on) return flow;
    return Flow::on;
  }

  Flow statement(const Node& node, const ScopePtr& scope, Text& out) {
    return placed(node, [&] { return perform(node, scope, out); });
  }

  Flow perform(const Node& node, const ScopePtr& scope, Text& out) {
    switch (node.kind) {
      case NodeKind::data:
        write(node.value, out);
        return Flow::on;
      case NodeKind::print:
        write(value_of(*node.kids[0], scope), out);
        return Flow::on;
      case NodeKind::block:
        return block(node, scope, out);
      case NodeKind::branch:
        if (truthy(value_of(*node.kids[0], scope))) return statement(*node.kids[1], scope, out);
        return node.kids[2] ? statement(*node.kids[2], scope, out) : Flow::on;
      case NodeKind::loop:
        return loop(node, scope, out);
      case NodeKind::set:
        set(node, scope);
        return Flow::on;
      case NodeKind::set_block:
        scope->names[node.names[0]] = filtered(node, scope);
        return Flow::on;
      case NodeKind::filter_block:
        write(filtered(node, scope), out);
        return Flow::on;
      case NodeKind::macro:
        scope->names[node.text] = macro(node, scope);
        return Flow::on;
      default:
        return node.kind == NodeKind::stop ? Flow::stop : Flow::next;
    }
  }

  void write(const Value& value, Text& out) {
    spend(value);
    out += to_text(value);
  }

  Value filtered(const Node& node, const ScopePtr& scope) {
    Text text;
    statement(*node.kids[0], std::make_shared<Scope>(Scope{{}, scope}), text);
    Value value = std::move(text);
    for (std::size_t i = 1; i < node.kids.size(); ++i)
      value = apply_filter(node.kids[i]->text, value, arguments(*node.kids[i], scope));
    return value;
  }

  void assign(const std::vector<std::string>& names, const Value& value, Scope& scope) {
    if (names.size() == 1) {
      scope.names[names[0]] = value;
      return;
    }
    const List items = items_of(value);
    if (items.size() != names.size())
      refuse("found " + std::to_string(items.size()) + " values for " +
             std::to_string(names.size()) + " names");
    for (std::size_t i = 0; i < names.size(); ++i) scope.names[names[i]] = items[i];
  }

  void set(const Node& node, const ScopePtr& scope) {
    const Value value = value_of(*node.kids[0], scope);
    if (node.text.empty()) return assign(node.names, value, *scope);
    const Value target = lookup(node.names[0], scope);
    if (!target.names())
      refuse("found " + node.names[0] + "." + node.text + " to set, but " + node.names[0] +
             " is no namespace");
    target.names()->set(Text(node.text), value);
  }

  static Value loop_value(const List& items, std::size_t i, std::int64_t depth) {
    const auto number = [](std::size_t n) { return Value(static_cast<std::int64_t>(n)); };
    const std::size_t size = items.size();
    Dict loop;
    const auto add = [&](const char* name, Value value) {
      loop.entries.emplace_back(Text(name), std::move(value));
    };
    add("index", number(i + 1));
    add("index0", number(i));
    add("revindex", number(size - i));
    add("revindex0", number(size - i - 1));
    add("first", i == 0);
    add("last", i + 1 == size);
    add("length", number(size));
    add("depth", depth + 1);
    add("depth0", depth);
    add("previtem", i > 0 ? items[i - 1] : Value(Undefined{"there is no previous item; it"}));
    add("nextitem", i + 1 < size ? items[i + 1] : Value(Undefined{"there is no next item; it"}));
    add("cycle", Function{"cycle", [i](Arguments& a) -> Value {
                            if (a.positional.empty()) refuse("cycle: expected values");
                            return a.positional[i % a.positional.size()];
                          }});
    return std::make_shared<Namespace>(Namespace{std::move(loop)});
  }

  // Whether `node` or what stands in it names the variable `loop`; nothing else can see a loop's.
  bool names_loop(const Node& node) {
    const auto [found, is_new] = names_loop_.try_emplace(&node, false);
    if (!is_new) return found->second;
    bool named = node.text == "loop" || std::ranges::find(node.names, "loop") != node.names.end();
    for (const NodePtr& kid : node.kids) named = named || (kid && names_loop(*kid));
    return names_loop_[&node] = named;
  }

  Flow loop(const Node& node, const ScopePtr& scope, Text& out) {
    List items = items_of(value_of(*node.kids[0], scope));
    if (node.kids[1]) {
      List kept;
      for (const Value& one : items) {
        const auto inner = std::make_shared<Scope>(Scope{{}, scope});
        assign(node.names, one, *inner);
        if (truthy(value_of(*node.kids[1], inner))) kept.push_back(one);
      }
      items = std::move(kept);
    }
    // Its twelve values cost more than most bodies.
    const bool named = names_loop(*node.kids[2]);
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto inner = std::make_shared<Scope>(Scope{{}, scope});
      if (named) inner->names["loop"] = loop_value(items, i, 0);
      assign(node.names, items[i], *inner);
      if (statement(*node.kids[2], inner, out) == Flow::stop) break;
    }
    if (items.empty() && node.kids[3])
      return statement(*node.kids[3], std::make_shared<Scope>(Scope{{}, scope}), out);
    return Flow::on;
  }

  // Holds its scope weakly: the scope holds the macro, and outlives every call of it.
  Value macro(const Node& node, const ScopePtr& scope) {
    std::weak_ptr<Scope> home = scope;
    return Function{node.text, [this, &node, home](Arguments& a) -> Value {
                      const ScopePtr outer = home.lock();
                      if (!outer) refuse("the macro " + node.text + " is called out of its scope");
                      const auto inner = std::make_shared<Scope>(Scope{{}, outer});
                      if (a.positional.size() > node.names.size())
                        refuse("the macro " + node.text + " takes " +
                               std::to_string(node.names.size()) + " arguments");
                      for (const auto& [name, value] : a.named)
                        if (std::ranges::find(node.names, name) == node.names.end())
                          refuse("the macro " + node.text + " takes no argument " + name);
                      for (std::size_t i = 0; i < node.names.size(); ++i) {
                        const Value* given = a.find(i, node.names[i]);
                        inner->names[node.names[i]] =
                            given              ? *given
                            : node.kids[i + 1] ? value_of(*node.kids[i + 1], inner)
                                               : Value(Undefined{"the parameter " + node.names[i]});
                      }
                      Text text;
                      statement(*node.kids[0], inner, text);
                      return text;
                    }};
  }

  Value lookup(const std::string& name, const ScopePtr& scope) const {
    for (const Scope* at = scope.get(); at; at = at->outer.get())
      if (const auto found = at->names.find(name); found != at->names.end()) return found->second;
    return Undefined{"'" + name + "'"};
  }

  Arguments arguments(const Node& node, const ScopePtr& scope) {
    Arguments made;
    for (std::size_t i = 0; i < node.names.size(); ++i) {
      Value value = value_of(*node.kids[i + 1], scope);
      if (node.names[i].empty())
        made.positional.push_back(std::move(value));
      else
        made.named.emplace_back(node.names[i], std::move(value));
    }
    return made;
  }

  Value value_of(const Node& node, const ScopePtr& scope) {
    return placed(node, [&] {
      Value value = evaluate(node, scope);
      if (node.kind != NodeKind::constant && node.kind != NodeKind::name) spend(value);
      return value;
    });
  }

  Value evaluate(const Node& node, const ScopePtr& scope) {
    const auto kid = [&](std::size_t i) {
      return node.kids[i] ? value_of(*node.kids[i], scope) : Value();
    };
    switch (node.kind) {
      case NodeKind::constant:
        return node.value;
      case NodeKind::name:
        return lookup(node.text, scope);
      case NodeKind::attribute:
        return attribute(kid(0), node.text, true);
      case NodeKind::item:
        return item(kid(0), kid(1));
      case NodeKind::slice:
        return slice(kid(0), kid(1), kid(2), kid(3));
      case NodeKind::call:
        return call(node, scope);
      case NodeKind::filter:
        return apply_filter(node.text, kid(0), arguments(node, scope));
      case NodeKind::test:
        return apply_test(node.text, kid(0), arguments(node, scope));
      case NodeKind::list: {
        List list;
        for (std::size_t i = 0; i < node.kids.size(); ++i) list.push_back(kid(i));
        return list;
      }
      case NodeKind::dict: {
        Dict dict;
        for (std::size_t i = 0; i < node.kids.size(); i += 2) dict.set(kid(i), kid(i + 1));
        return dict;
      }
      case NodeKind::unary: {
        const Value value = kid(0);
        if (node.text == "not") return !truthy(value);
        return binary(node.text, Value(std::int64_t{0}), value);
      }
      case NodeKind::binary: {
        Value left = kid(0);
        if (node.text == "and") return truthy(left) ? kid(1) : left;
        if (node.text == "or") return truthy(left) ? left : kid(1);
        return binary(node.text, left, kid(1));
      }
      case NodeKind::compare:
        return compare(node, scope);
      default:
        if (truthy(kid(0))) return kid(1);
        return node.kids[2] ? kid(2) : Value(Undefined{"the other side of an if without else"});
    }
  }

  Value call(const Node& node, const ScopePtr& scope) {
    const Value callee = value_of(*node.kids[0], scope);
    if (callee.undefined()) refuse(callee.undefined()->name + " is undefined");
    if (!callee.function()) refuse("found a call of " + type_name(callee));
    Arguments given = arguments(node, scope);
    return callee.function()->call(given);
  }

  bool compare(const Node& node, const ScopePtr& scope) {
    Value left = value_of(*node.kids[0], scope);
    for (std::size_t i = 0; i < node.names.size(); ++i) {
      Value right = value_of(*node.kids[i + 1], scope);
      const std::string& sign = node.names[i];
      const bool holds = sign == "=="       ? equal(left, right)
                         : sign == "!="     ? !equal(left, right)
                         : sign == "in"     ? contains(right, left)
                         : sign == "not in" ? !contains(right, left)
                         : sign == "<"      ? order(left, right) < 0
                         : sign == "<="     ? order(left, right) <= 0
                         : sign == ">"      ? order(left, right) > 0
                                            : order(left, right) >= 0;
      if (!holds) return false;
      left = std::move(right);
    }
    return true;
  }

  ScopePtr globals_ = std::make_shared<Scope>();
  std::string date_;
  std::map<const Node*, bool> names_loop_;
  std::size_t steps_ = 0, bytes_ = 0;
  int depth_ = 0;
};

}  // namespace

Text run(const Node& root, const std::map<std::string, Value>& variables, const std::string& date) {
  return Evaluation(variables, date).render(root);
}

}  // namespace tradeoff::text::jinja
