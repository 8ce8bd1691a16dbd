// Operators, items, slices and the methods of text and dicts.
#include <algorithm>
#include <cmath>

#include "library.hpp"

namespace tradeoff::text::jinja {
namespace {

constexpr std::size_t kMostBytes = 64u << 20;

Text times(const Text& text, std::int64_t count) {
  Text made;
  if (text.bytes.empty()) return made;
  if (count > 0 && text.bytes.size() > kMostBytes / static_cast<std::size_t>(count))
    refuse("found a text that would grow beyond 64 MiB");
  for (std::int64_t i = 0; i < count; ++i) made += text;
  return made;
}

Value arithmetic(const std::string& sign, const Value& left, const Value& right) {
  std::int64_t i = 0, j = 0, result = 0;
  double x = 0, y = 0;
  if (left.integer(i) && right.integer(j) && sign != "/" && sign != "**") {
    bool overflow = false;
    if (sign == "+") overflow = __builtin_add_overflow(i, j, &result);
    if (sign == "-") overflow = __builtin_sub_overflow(i, j, &result);
    if (sign == "*") overflow = __builtin_mul_overflow(i, j, &result);
    if (sign == "//" || sign == "%") {
      if (j == 0) refuse("found a division by zero");
      if (j == -1)
        return sign == "%" ? Value(std::int64_t{0}) : arithmetic("-", Value(std::int64_t{0}), left);
      // Python rounds down, C++ towards zero.
      const bool down = i % j != 0 && (i < 0) != (j < 0);
      result = sign == "%" ? i % j + (down ? j : 0) : i / j - (down ? 1 : 0);
    }
    if (overflow) refuse("found an integer beyond 64 bits");
    return result;
  }
  if (left.number(x) && right.number(y) && sign != "**") {
    if ((sign == "/" || sign == "//" || sign == "%") && y == 0) refuse("found a division by zero");
    if (sign == "+") return x + y;
    if (sign == "-") return x - y;
    if (sign == "*") return x * y;
    if (sign == "/") return x / y;
    if (sign == "//") return std::floor(x / y);
    return x - y * std::floor(x / y);
  }
  for (const Value* side : {&left, &right})
    if (side->undefined()) refuse(side->undefined()->name + " is undefined");
  refuse("found " + type_name(left) + " " + sign + " " + type_name(right) +
         ", which is not supported");
}

Value method(std::string name, std::function<Value(Arguments&)> call, int depth = 0) {
  return Function{std::move(name), std::move(call), depth};
}

std::vector<Text> split(const Text& text, const Value* separator, std::int64_t most, bool right) {
  std::vector<Text> parts;
  if (separator && !separator->is<None>()) {
    const std::string by = text_of_value(*separator, "split").bytes;
    if (by.empty()) refuse("split: found an empty separator");
    std::size_t begin = 0, end = text.bytes.size();
    for (; most != 0; --most) {
      const std::size_t found =
          right ? (end < by.size() ? std::string::npos : text.bytes.rfind(by, end - by.size()))
                : text.bytes.find(by, begin);
      if (found == std::string::npos) break;
      parts.push_back(right ? text.substr(found + by.size(), end - found - by.size())
                            : text.substr(begin, found - begin));
      (right ? end : begin) = right ? found : found + by.size();
    }
    parts.push_back(text.substr(begin, end - begin));
    if (right) std::ranges::reverse(parts);
    return parts;
  }
  if (most >= 0) refuse("split: found a limit without a separator, which is not supported");
  std::string run;
  const auto at = text.characters();
  Text part;
  for (std::size_t i = 0; i + 1 < at.size(); ++i) {
    const Text one = text.substr(at[i], at[i + 1] - at[i]);
    if (!strip(one, nullptr, true, true).bytes.empty()) {
      part += one;
    } else if (!part.bytes.empty()) {
      parts.push_back(std::exchange(part, {}));
    }
  }
  if (!part.bytes.empty()) parts.push_back(part);
  return parts;
}

bool has_affix(const Text& text, const Value& affix, bool front) {
  if (const List* several = affix.list())
    return std::ranges::any_of(*several,
                               [&](const Value& one) { return has_affix(text, one, front); });
  const std::string& part = text_of_value(affix, front ? "startswith" : "endswith").bytes;
  return front ? text.bytes.starts_with(part) : text.bytes.ends_with(part);
}

const Value& needed(const Arguments& arguments, std::size_t place, const std::string& method_name) {
  if (place >= arguments.positional.size())
    refuse(method_name + ": found " + std::to_string(arguments.positional.size()) +
           " arguments, expected at least " + std::to_string(place + 1));
  return arguments.positional[place];
}

Value text_method(const Text& text, const std::string& name) {
  const auto with = [&](auto work) { return method(name, work); };
  if (name == "strip" || name == "lstrip" || name == "rstrip")
    return with([text, name](Arguments& a) {
      const Value* set = a.find(0, "chars");
      const bool white = !set || set->is<None>();
      return Value(strip(text, white ? nullptr : &text_of_value(*set, name), name != "rstrip",
                         name != "lstrip"));
    });
  if (name == "upper" || name == "lower" || name == "title" || name == "capitalize")
    return with([text, name](Arguments&) { return Value(cased(text, name)); });
  if (name == "startswith" || name == "endswith")
    return with([text, name](Arguments& a) {
      return Value(has_affix(text, needed(a, 0, name), name == "startswith"));
    });
  if (name == "split" || name == "rsplit")
    return with([text, name](Arguments& a) {
      const Value* most = a.find(1, "maxsplit");
      List parts;
      for (Text& part :
           split(text, a.find(0, "sep"), most ? integer_of(*most, name) : -1, name == "rsplit"))
        parts.emplace_back(std::move(part));
      return Value(std::move(parts));
    });
  if (name == "splitlines")
    return with([](Arguments&) -> Value { refuse("the method splitlines is not supported"); });
  if (name == "replace")
    return with([text, name](Arguments& a) {
      const Value* most = a.find(2, "count");
      return Value(replaced(text, text_of_value(needed(a, 0, name), name).bytes,
                            text_of_value(needed(a, 1, name), name),
                            most ? integer_of(*most, name) : -1));
    });
  if (name == "join")
    return with([text, name](Arguments& a) {
      Text joined;
      bool first = true;
      for (const Value& one : items_of(needed(a, 0, name))) {
        if (!std::exchange(first, false)) joined += text;
        joined += text_of_value(one, name);
      }
      return Value(std::move(joined));
    });
  if (name == "find" || name == "count")
    return with([text, name](Arguments& a) {
      const std::string& part = text_of_value(needed(a, 0, name), name).bytes;
      if (a.positional.size() > 1) refuse(name + ": found a range, which is not supported");
      const std::size_t found = text.bytes.find(part);
      if (name == "find")
        return Value(found == std::string::npos ? std::int64_t{-1}
                                                : length_of(Value(text.substr(0, found))));
      if (part.empty()) return Value(length_of(Value(text)) + 1);
      std::int64_t count = 0;
      for (std::size_t at = found; at != std::string::npos;
           at = text.bytes.find(part, at + part.size()))
        ++count;
      return Value(count);
    });
  return Undefined{};
}

Value dict_method(const Value& object, const std::string& name) {
  if (name == "items" || name == "keys" || name == "values")
    return method(
        name,
        [object, name](Arguments&) {
          List made;
          for (const auto& [key, value] : object.dict()->entries)
            made.push_back(name == "items"  ? Value(List{key, value})
                           : name == "keys" ? key
                                            : value);
          return Value(std::move(made));
        },
        object.depth() + 1);
  if (name == "get")
    return method(
        name,
        [object, name](Arguments& a) {
          const Value* found = object.dict()->find(needed(a, 0, name));
          const Value* other = a.find(1, "default");
          return found ? *found : other ? *other : Value();
        },
        object.depth() + 1);
  if (name == "update" || name == "pop" || name == "setdefault" || name == "clear" ||
      name == "popitem")
    return method(name, [name](Arguments&) -> Value {
      refuse("found the method " + name + ", which would change a dict");
    });
  return Undefined{};
}

Value list_method(const Value& object, const std::string& name) {
  if (name == "append" || name == "extend" || name == "insert" || name == "pop" ||
      name == "remove" || name == "sort" || name == "reverse" || name == "clear")
    return method(name, [name](Arguments&) -> Value {
      refuse("found the method " + name + ", which would change a list");
    });
  if (name == "index" || name == "count")
    return method(
        name,
        [object, name](Arguments& a) {
          std::int64_t count = 0;
          const List& list = *object.list();
          for (std::size_t i = 0; i < list.size(); ++i) {
            if (!equal(list[i], needed(a, 0, name))) continue;
            if (name == "index") return Value(static_cast<std::int64_t>(i));
            ++count;
          }
          if (name == "index") refuse("index: the value is not in the list");
          return Value(count);
        },
        object.depth() + 1);
  return Undefined{};
}

}  // namespace

std::int64_t integer_of(const Value& value, const std::string& what) {
  std::int64_t number = 0;
  if (!value.integer(number))
    refuse(what + ": found " + type_name(value) + ", expected an integer");
  return number;
}

const Text& text_of_value(const Value& value, const std::string& what) {
  if (value.undefined()) refuse(what + ": " + value.undefined()->name + " is undefined");
  if (!value.text()) refuse(what + ": found " + type_name(value) + ", expected text");
  return *value.text();
}

Value attribute(const Value& object, const std::string& name, bool methods_first) {
  if (object.undefined()) refuse(object.undefined()->name + " is undefined");
  if (name.starts_with("__")) refuse("found the attribute " + name + ", which is not allowed");
  const Dict* dict = object.names() ? &object.names()->attributes : object.dict();
  const Value* found = dict ? dict->find(name) : nullptr;
  if (found && (!methods_first || object.names())) return *found;
  Value known = object.text()   ? text_method(*object.text(), name)
                : object.dict() ? dict_method(object, name)
                : object.list() ? list_method(object, name)
                                : Value(Undefined{});
  if (!known.undefined()) return known;
  if (found) return *found;
  return Undefined{type_name(object) + " object has no attribute '" + name + "'; it"};
}

Value item(const Value& object, const Value& index) {
  if (object.undefined()) refuse(object.undefined()->name + " is undefined");
  std::int64_t at = 0;
  if (object.dict()) {
    if (const Value* found = object.dict()->find(index)) return *found;
  } else if ((object.list() || object.text()) && index.integer(at)) {
    const std::int64_t size = length_of(object);
    if (at < 0) at += size;
    if (at < 0 || at >= size)
      return Undefined{type_name(object) + " object has no element " + repr(index) + "; it"};
    if (object.list()) return (*object.list())[static_cast<std::size_t>(at)];
    return items_of(object)[static_cast<std::size_t>(at)];
  }
  if (index.text()) return attribute(object, index.text()->bytes, false);
  return Undefined{type_name(object) + " object has no element " + repr(index) + "; it"};
}

Value slice(const Value& object, const Value& from, const Value& to, const Value& step) {
  if (!object.list() && !object.text())
    refuse((object.undefined() ? object.undefined()->name + " is undefined"
                               : "found " + type_name(object)) +
           ", expected a list or text to slice");
  const std::int64_t stride = step.is<None>() ? 1 : integer_of(step, "slice");
  if (stride == 0) refuse("found a slice of step 0");
  const List all = items_of(object);
  const auto size = static_cast<std::int64_t>(all.size());
  // A longer one takes the first item alone, too.
  const std::int64_t by = std::clamp(stride, -size - 1, size + 1);
  const auto bound = [&](const Value& value, std::int64_t otherwise) {
    if (value.is<None>()) return otherwise;
    std::int64_t at = integer_of(value, "slice");
    if (at < 0) at += size;
    return by > 0 ? std::clamp<std::int64_t>(at, 0, size)
                  : std::clamp<std::int64_t>(at, -1, size - 1);
  };
  const std::int64_t first = bound(from, by > 0 ? 0 : size - 1),
                     end = bound(to, by > 0 ? size : -1);
  List kept;
  for (std::int64_t i = first; by > 0 ? i < end : i > end; i += by)
    kept.push_back(all[static_cast<std::size_t>(i)]);
  if (object.list()) return kept;
  Text text;
  for (const Value& one : kept) text += *one.text();
  return text;
}

Value binary(const std::string& sign, const Value& left, const Value& right) {
  std::int64_t count = 0;
  if (sign == "~") {
    Text text = to_text(left);
    return text += to_text(right);
  }
  if (sign == "+" && left.text() && right.text()) {
    Text text = *left.text();
    return text += *right.text();
  }
  if (sign == "+" && left.list() && right.list()) {
    List list = items_of(left);
    spend_work(right.list()->size());
    list.insert(list.end(), right.list()->begin(), right.list()->end());
    if (list.size() > 1000000) refuse("found a list of more than 1000000 items");
    return list;
  }
  if (sign == "*" && left.text() && right.integer(count)) return times(*left.text(), count);
  if (sign == "*" && right.text() && left.integer(count)) return times(*right.text(), count);
  return arithmetic(sign, left, right);
}

}  // namespace tradeoff::text::jinja
