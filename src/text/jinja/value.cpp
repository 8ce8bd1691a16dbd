#include "value.hpp"

#include <algorithm>
#include <cmath>

#include "../white_space.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/utf8.hpp"

namespace tradeoff::text::jinja {

namespace {

constexpr std::size_t kMostWork = 50'000'000;
thread_local std::size_t work_done = 0;

std::size_t work_of(const Text& text) {
  return text.bytes.size() / 16 + 1;
}

}  // namespace

void refuse(const std::string& what) {
  fail(what);
}

void spend_work(std::size_t amount) {
  work_done += amount;
  if (work_done > kMostWork) refuse("the template computes more than any real one does");
}

void begin_work() {
  work_done = 0;
}

Text Text::substr(std::size_t at, std::size_t count) const {
  Text part;
  part.bytes = bytes.substr(at, count);
  part.kinds = kinds.substr(at, count);
  return part;
}

Text& Text::operator+=(const Text& other) {
  spend_work(work_of(other));
  bytes += other.bytes;
  kinds += other.kinds;
  return *this;
}

std::vector<std::size_t> Text::characters() const {
  spend_work(bytes.size());
  std::vector<std::size_t> starts;
  for (std::size_t at = 0; at < bytes.size(); ++at)
    if (at == 0 || between_characters(bytes, at)) starts.push_back(at);
  starts.push_back(bytes.size());
  return starts;
}

void Value::nest(const Value& inner) {
  depth_ = std::max(depth_, inner.depth_ + 1);
  holds_namespace_ = holds_namespace_ || inner.holds_namespace_;
  if (depth_ > kMostValueDepth)
    refuse("found values nested deeper than " + std::to_string(kMostValueDepth));
}

Value::Value(List value) {
  for (const Value& item : value) nest(item);
  held_ = std::make_shared<const List>(std::move(value));
}

Value::Value(Dict value) {
  for (const auto& [key, item] : value.entries) nest(item);
  held_ = std::make_shared<const Dict>(std::move(value));
}

void Namespace::set(Value name, Value value) {
  if (value.holds_namespace()) refuse("found a namespace to keep in a namespace");
  attributes.set(std::move(name), std::move(value));
}

bool Value::integer(std::int64_t& number) const {
  if (const auto* held = std::get_if<std::int64_t>(&held_)) return number = *held, true;
  if (const bool* held = boolean()) return number = *held, true;
  return false;
}

bool Value::number(double& number) const {
  if (const auto* held = std::get_if<double>(&held_)) return number = *held, true;
  std::int64_t whole = 0;
  if (!integer(whole)) return false;
  number = static_cast<double>(whole);
  return true;
}

const Value* Dict::find(const Value& key) const {
  for (const auto& [own, value] : entries)
    if (equal(own, key)) return &value;
  return nullptr;
}

const Value* Dict::find(std::string_view key) const {
  for (const auto& [own, value] : entries)
    if (own.text() && own.text()->bytes == key) return &value;
  return nullptr;
}

void Dict::set(Value key, Value value) {
  if (key.list() || key.dict() || key.undefined())
    refuse("found a key of type " + type_name(key) + ", expected text, a number or none");
  for (auto& [own, held] : entries)
    if (equal(own, key)) {
      held = std::move(value);
      return;
    }
  entries.emplace_back(std::move(key), std::move(value));
}

const Value* Arguments::find(std::size_t place, std::string_view name) const {
  if (place < positional.size()) return &positional[place];
  for (const auto& [own, value] : named)
    if (own == name) return &value;
  return nullptr;
}

bool truthy(const Value& value) {
  double number = 0;
  if (value.undefined() || value.is<None>()) return false;
  if (value.number(number)) return number != 0;
  if (value.text()) return !value.text()->bytes.empty();
  if (value.list()) return !value.list()->empty();
  if (value.dict()) return !value.dict()->entries.empty();
  return true;
}

bool equal(const Value& a, const Value& b) {
  spend_work(1);
  double x = 0, y = 0;
  std::int64_t i = 0, j = 0;
  if (a.integer(i) && b.integer(j)) return i == j;
  if (a.number(x) && b.number(y)) return x == y;
  if (a.text() && b.text()) return a.text()->bytes == b.text()->bytes;
  if (a.list() && b.list())
    return std::equal(a.list()->begin(), a.list()->end(), b.list()->begin(), b.list()->end(),
                      equal);
  if (a.dict() && b.dict()) {
    if (a.dict()->entries.size() != b.dict()->entries.size()) return false;
    return std::ranges::all_of(a.dict()->entries, [&](const auto& entry) {
      const Value* other = b.dict()->find(entry.first);
      return other && equal(entry.second, *other);
    });
  }
  if (a.names() || b.names()) return a.names() == b.names();
  if (a.function() || b.function()) return a.function() == b.function();
  return (a.undefined() && b.undefined()) || (a.is<None>() && b.is<None>());
}

int order(const Value& a, const Value& b) {
  spend_work(1);
  double x = 0, y = 0;
  std::int64_t i = 0, j = 0;
  if (a.integer(i) && b.integer(j)) return i < j ? -1 : i > j;
  if (a.number(x) && b.number(y)) return x < y ? -1 : x > y;
  if (a.text() && b.text()) {
    const int found = a.text()->bytes.compare(b.text()->bytes);
    return found < 0 ? -1 : found > 0;
  }
  if (a.list() && b.list()) {
    for (std::size_t at = 0; at < std::min(a.list()->size(), b.list()->size()); ++at)
      if (!equal((*a.list())[at], (*b.list())[at])) return order((*a.list())[at], (*b.list())[at]);
    return a.list()->size() < b.list()->size() ? -1 : a.list()->size() > b.list()->size();
  }
  for (const Value* side : {&a, &b})
    if (side->undefined()) refuse(side->undefined()->name + " is undefined");
  refuse("found " + type_name(a) + " and " + type_name(b) + " to compare, which have no order");
}

bool contains(const Value& container, const Value& item) {
  if (const Text* text = container.text()) {
    if (!item.text()) refuse("found " + type_name(item) + " in front of `in` text, expected text");
    spend_work(work_of(*text));
    return text->bytes.find(item.text()->bytes) != std::string::npos;
  }
  if (container.dict()) return container.dict()->find(item) != nullptr;
  const List items = items_of(container);
  return std::ranges::any_of(items, [&](const Value& own) { return equal(own, item); });
}

std::string type_name(const Value& value) {
  if (value.undefined()) return "undefined";
  if (value.is<None>()) return "none";
  if (value.boolean()) return "bool";
  if (value.is<std::int64_t>()) return "int";
  if (value.is_float()) return "float";
  if (value.text()) return "str";
  if (value.list()) return "list";
  if (value.dict()) return "dict";
  return value.names() ? "namespace" : "function";
}

List items_of(const Value& value) {
  if (value.list()) {
    spend_work(value.list()->size());
    return *value.list();
  }
  List items;
  if (const Dict* dict = value.dict()) {
    for (const auto& entry : dict->entries) items.push_back(entry.first);
  } else if (const Text* text = value.text()) {
    const auto at = text->characters();
    for (std::size_t i = 0; i + 1 < at.size(); ++i)
      items.emplace_back(text->substr(at[i], at[i + 1] - at[i]));
  } else if (!value.undefined()) {
    refuse("found " + type_name(value) + ", expected something to iterate over");
  }
  return items;
}

std::int64_t length_of(const Value& value) {
  if (value.text()) return static_cast<std::int64_t>(value.text()->characters().size()) - 1;
  if (value.list()) return static_cast<std::int64_t>(value.list()->size());
  if (value.dict()) return static_cast<std::int64_t>(value.dict()->entries.size());
  if (value.undefined()) return 0;
  refuse("found " + type_name(value) + ", which has no length");
}

Text strip(const Text& text, const Text* characters, bool left, bool right) {
  const std::string_view bytes = text.bytes;
  if (!characters) {
    const std::string_view kept = strip_white(bytes, left, right);
    return text.substr(static_cast<std::size_t>(kept.data() - bytes.data()), kept.size());
  }
  const List set = items_of(Value(*characters));
  const auto in_set = [&](const Text& one) {
    return std::ranges::any_of(set, [&](const Value& v) { return v.text()->bytes == one.bytes; });
  };
  const auto at = text.characters();
  std::size_t first = 0, last = at.size() - 1;
  while (left && first < last && in_set(text.substr(at[first], at[first + 1] - at[first]))) ++first;
  while (right && first < last && in_set(text.substr(at[last - 1], at[last] - at[last - 1])))
    --last;
  return text.substr(at[first], at[last] - at[first]);
}

}  // namespace tradeoff::text::jinja
