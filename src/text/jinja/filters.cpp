#include <algorithm>
#include <charconv>
#include <cmath>

#include "library.hpp"

namespace tradeoff::text::jinja {
namespace {

constexpr std::int64_t kMostIndent = 1000;

void need_ascii(const Text& text, const std::string& what) {
  if (std::ranges::any_of(text.bytes, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
    refuse(what + ": found text beyond ASCII, whose letters it does not know");
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

Value to_integer(const Value& value, const Arguments& a) {
  std::int64_t number = 0;
  double real = 0;
  const Value* other = a.find(0, "default");
  if (value.integer(number)) return number;
  if (value.number(real)) {
    if (!(std::abs(real) < 0x1p63)) refuse("int: found a number beyond 64 bits");
    return static_cast<std::int64_t>(real);
  }
  const Text text = strip(to_text(value), nullptr, true, true);
  const char* end = text.bytes.data() + text.bytes.size();
  const auto [stop, code] = std::from_chars(text.bytes.data(), end, number);
  if (code == std::errc() && stop == end) return number;
  return other ? *other : Value(std::int64_t{0});
}

Value joined(const Value& value, const Arguments& a) {
  const Value* between = a.find(0, "d");
  if (a.find(1, "attribute")) refuse("join: found an attribute, which is not supported");
  Text text;
  bool first = true;
  for (const Value& one : items_of(value)) {
    if (!std::exchange(first, false) && between) text += to_text(*between);
    text += to_text(one);
  }
  return text;
}

Value by_path(Value value, const Value& path) {
  if (!path.text()) return item(value, path);
  std::string rest = path.text()->bytes;
  while (true) {
    const std::size_t dot = rest.find('.');
    value = item(value, Value(Text(rest.substr(0, dot))));
    if (dot == std::string::npos) return value;
    rest = rest.substr(dot + 1);
  }
}

Value mapped(const Value& value, const Arguments& a) {
  List made;
  if (const Value* path = a.find(99, "attribute")) {
    const Value* other = a.find(99, "default");
    for (const Value& one : items_of(value)) {
      Value found = by_path(one, *path);
      made.push_back(found.undefined() && other ? *other : std::move(found));
    }
    return made;
  }
  if (a.positional.empty()) refuse("map: expected a filter or attribute=");
  const std::string name = text_of_value(a.positional[0], "map").bytes;
  Arguments rest = a;
  rest.positional.erase(rest.positional.begin());
  for (const Value& one : items_of(value)) made.push_back(apply_filter(name, one, rest));
  return made;
}

Value selected(const std::string& name, const Value& value, const Arguments& a) {
  const bool by_attribute = name.ends_with("attr"), wanted = name.starts_with("select");
  const std::size_t skip = by_attribute ? 1 : 0;
  if (a.positional.size() < skip) refuse(name + ": expected the name of an attribute");
  Arguments rest;
  std::string test;
  if (a.positional.size() > skip) {
    test = text_of_value(a.positional[skip], name).bytes;
    rest.positional.assign(a.positional.begin() + static_cast<std::ptrdiff_t>(skip) + 1,
                           a.positional.end());
  }
  List kept;
  for (const Value& one : items_of(value)) {
    const Value own = by_attribute ? by_path(one, a.positional[0]) : one;
    if ((test.empty() ? truthy(own) : apply_test(test, own, rest)) == wanted) kept.push_back(one);
  }
  return kept;
}

Value indented(const Value& value, const Arguments& a) {
  const Value* width = a.find(0, "width");
  const Value* first = a.find(1, "first");
  const Value* blank = a.find(2, "blank");
  const Text space = width && width->text()
                         ? *width->text()
                         : Text(std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(
                                                width ? integer_of(*width, "indent") : 4, 0, 1000)),
                                            ' '));
  const Text text = to_text(value);
  Text made;
  for (std::size_t at = 0, line = 0; at <= text.bytes.size(); ++line) {
    const std::size_t end = std::min(text.bytes.find('\n', at), text.bytes.size());
    const bool empty = end == at && !(blank && truthy(*blank));
    if (line == 0 ? first && truthy(*first) : !empty) made += space;
    made += text.substr(at, end + 1 - at);
    at = end + 1;
  }
  return made;
}

Value sorted(const std::string& name, const Value& value, const Arguments& a) {
  if (!a.positional.empty() || !a.named.empty())
    refuse(name + ": found arguments, which are not supported");
  List items =
      items_of(name == "dictsort"
                   ? attribute(value, "items", true).function()->call(const_cast<Arguments&>(a))
                   : value);
  // Jinja sorts without regard to case.
  const auto key = [](const Value& one) {
    return one.text() ? Value(cased(*one.text(), "lower")) : one;
  };
  std::ranges::stable_sort(items, [&](const Value& x, const Value& y) {
    return name == "dictsort" ? order(key((*x.list())[0]), key((*y.list())[0])) < 0
                              : order(key(x), key(y)) < 0;
  });
  return items;
}

Value reversed(const Value& value) {
  const Value none;
  if (value.text()) return slice(value, none, none, Value(std::int64_t{-1}));
  List items = items_of(value);
  std::ranges::reverse(items);
  return items;
}

Value extreme(const Value& value, bool greatest) {
  const List items = items_of(value);
  if (items.empty()) return Undefined{"the extreme of nothing"};
  const auto less = [](const Value& x, const Value& y) { return order(x, y) < 0; };
  return greatest ? *std::ranges::max_element(items, less) : *std::ranges::min_element(items, less);
}

Value to_json(const Value& value, const Arguments& a) {
  const Value* indent = a.find(99, "indent");
  if (!indent) indent = a.find(1, "indent");
  for (const auto& [name, unused] : a.named)
    if (name != "indent" && name != "ensure_ascii" && name != "sort_keys")
      refuse("tojson: found " + name + ", which is not supported");
  if (const Value* ascii = a.find(0, "ensure_ascii"); ascii && truthy(*ascii))
    refuse("tojson: found ensure_ascii = true, which is not supported");
  const Value* sort = a.find(3, "sort_keys");
  const std::int64_t width = indent && !indent->is<None>() ? integer_of(*indent, "tojson") : -1;
  if (width < -1 || width > kMostIndent)
    refuse("tojson: found indent " + std::to_string(width) + ", expected 0 to " +
           std::to_string(kMostIndent));
  return to_json_text(value, static_cast<int>(width), sort && truthy(*sort));
}

}  // namespace

Text replaced(const Text& text, const std::string& from, const Text& to, std::int64_t most) {
  if (from.empty()) refuse("replace: found an empty text to replace");
  Text made;
  std::size_t at = 0;
  for (; most != 0; --most) {
    const std::size_t found = text.bytes.find(from, at);
    if (found == std::string::npos) break;
    made += text.substr(at, found - at);
    made += to;
    if (made.bytes.size() > (64u << 20)) refuse("replace: found a text that grows beyond 64 MiB");
    at = found + from.size();
  }
  made += text.substr(at);
  return made;
}

Text cased(const Text& text, const std::string& which) {
  need_ascii(text, which);
  Text made = text;
  bool inside = false;
  for (std::size_t i = 0; i < made.bytes.size(); ++i) {
    char& c = made.bytes[i];
    const bool up =
        which == "upper" || (which == "title" && !inside) || (which == "capitalize" && i == 0);
    inside = is_letter(c);
    if (up && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!up && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return made;
}

Value apply_filter(const std::string& name, const Value& value, const Arguments& a) {
  if (name == "trim") {
    const Value* set = a.find(0, "chars");
    return strip(to_text(value), set && set->text() ? set->text() : nullptr, true, true);
  }
  if (name == "default" || name == "d") {
    const Value* other = a.find(0, "default_value");
    const Value* also_false = a.find(1, "boolean");
    const bool use = value.undefined() || (also_false && truthy(*also_false) && !truthy(value));
    return !use ? value : other ? *other : Value(Text());
  }
  if (name == "length" || name == "count") return length_of(value);
  if (name == "tojson") return to_json(value, a);
  if (name == "join") return joined(value, a);
  if (name == "upper" || name == "lower" || name == "capitalize")
    return cased(to_text(value), name);
  if (name == "string") return to_text(value);
  if (name == "safe") return value;
  if (name == "int") return to_integer(value, a);
  if (name == "list") return items_of(value);
  if (name == "items")
    return value.undefined() ? Value(List{}) : [&] {
      Arguments none;
      if (!value.dict()) refuse("items: found " + type_name(value) + ", expected a dict");
      return attribute(value, "items", true).function()->call(none);
    }();
  if (name == "first" || name == "last") {
    const List items = items_of(value);
    if (items.empty()) return Undefined{"the " + name + " item of nothing"};
    return name == "first" ? items.front() : items.back();
  }
  if (name == "map") return mapped(value, a);
  if (name == "selectattr" || name == "rejectattr" || name == "select" || name == "reject")
    return selected(name, value, a);
  if (name == "replace") {
    if (a.positional.size() < 2) refuse("replace: expected two texts");
    const Value* most = a.find(2, "count");
    return replaced(to_text(value), to_text(a.positional[0]).bytes, to_text(a.positional[1]),
                    most ? integer_of(*most, name) : -1);
  }
  if (name == "indent") return indented(value, a);
  if (name == "reverse") return reversed(value);
  if (name == "sort" || name == "dictsort") return sorted(name, value, a);
  if (name == "min" || name == "max") return extreme(value, name == "max");
  if (name == "unique") {
    List kept;
    for (const Value& one : items_of(value))
      if (std::ranges::none_of(kept, [&](const Value& own) { return equal(own, one); }))
        kept.push_back(one);
    return kept;
  }
  refuse("found the filter " + name + ", which is not known");
}

bool apply_test(const std::string& name, const Value& value, const Arguments& a) {
  std::int64_t whole = 0;
  double number = 0;
  const bool is_bool = value.boolean() != nullptr;
  const auto other = [&]() -> const Value& {
    if (a.positional.empty()) refuse("the test " + name + " expects a value");
    return a.positional[0];
  };
  if (name == "defined") return !value.undefined();
  if (name == "undefined") return value.undefined();
  if (name == "none") return value.is<None>();
  if (name == "string") return value.text();
  if (name == "mapping") return value.dict();
  if (name == "iterable" || name == "sequence")
    return value.text() || value.list() || value.dict() || value.undefined();
  if (name == "number") return value.number(number);
  if (name == "integer") return !is_bool && value.integer(whole);
  if (name == "float") return value.is_float();
  if (name == "boolean") return is_bool;
  if (name == "true") return is_bool && truthy(value);
  if (name == "false") return is_bool && !truthy(value);
  if (name == "callable") return value.function();
  if (name == "in") return contains(other(), value);
  if (name == "equalto" || name == "eq" || name == "==") return equal(value, other());
  if (name == "ne" || name == "!=") return !equal(value, other());
  if (name == "lt" || name == "lessthan" || name == "<") return order(value, other()) < 0;
  if (name == "le" || name == "<=") return order(value, other()) <= 0;
  if (name == "gt" || name == "greaterthan" || name == ">") return order(value, other()) > 0;
  if (name == "ge" || name == ">=") return order(value, other()) >= 0;
  if (name == "odd" || name == "even") return (integer_of(value, name) % 2 != 0) == (name == "odd");
  if (name == "divisibleby") {
    const std::int64_t by = integer_of(other(), name);
    if (by == 0) refuse("found a division by zero");
    return by == -1 || integer_of(value, name) % by == 0;
  }
  refuse("found the test " + name + ", which is not known");
}

}  // namespace tradeoff::text::jinja
