// What values look like: Python's str and repr, and JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "value.hpp"

namespace tradeoff::text::jinja {
namespace {

// As Python: the shortest digits that give the number back, an exponent from 1e16 and below 1e-4.
std::string float_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  std::string text = fmt::format("{}", number);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string quoted(const std::string& bytes) {
  const char quote = bytes.find('\'') != bytes.npos && bytes.find('"') == bytes.npos ? '"' : '\'';
  std::string text(1, quote);
  for (const char c : bytes) {
    const auto code = static_cast<unsigned char>(c);
    if (code >= 0x80)
      refuse(
          "a list or dict with text beyond ASCII is printed as Python prints it, which is not "
          "supported; tojson is");
    if (c == quote || c == '\\')
      text += '\\', text += c;
    else if (c == '\n')
      text += "\\n";
    else if (c == '\t')
      text += "\\t";
    else if (c == '\r')
      text += "\\r";
    else if (code < 0x20 || code == 0x7f)
      text += fmt::format("\\x{:02x}", code);
    else
      text += c;
  }
  return text + quote;
}

class JsonText {
 public:
  JsonText(int indent, bool sort_keys) : indent_(indent), sort_keys_(sort_keys) {}
  Text text;

  void write(const Value& value, int depth) {
    std::int64_t whole = 0;
    double number = 0;
    spend_work(1);
    if (value.is<None>())
      put("null");
    else if (const bool* truth = value.boolean())
      put(*truth ? "true" : "false");
    else if (value.integer(whole))
      put(std::to_string(whole));
    else if (value.number(number))
      put(float_text(number));
    else if (value.text())
      write_text(*value.text());
    else if (const List* list = value.list())
      write_all('[', ']', list->size(), depth,
                [&](std::size_t i) { write((*list)[i], depth + 1); });
    else if (value.dict())
      write_dict(*value.dict(), depth);
    else
      refuse("tojson: found a value of type " + type_name(value) +
             (value.undefined() ? " (" + value.undefined()->name + ")" : "") +
             ", which JSON does not have");
  }

 private:
  void put(std::string_view part) { text += Text(std::string(part)); }

  template <typename One>
  void write_all(char open, char close, std::size_t count, int depth, One one) {
    put(std::string_view(&open, 1));
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) put(indent_ < 0 ? ", " : ",");
      if (indent_ >= 0) new_line(depth + 1);
      one(i);
    }
    if (indent_ >= 0 && count > 0) new_line(depth);
    put(std::string_view(&close, 1));
  }

  void new_line(int depth) {
    put("\n" +
        std::string(static_cast<std::size_t>(indent_) * static_cast<std::size_t>(depth), ' '));
  }

  void write_dict(const Dict& dict, int depth) {
    auto entries = dict.entries;
    if (sort_keys_)
      std::ranges::stable_sort(
          entries, [](const auto& a, const auto& b) { return order(a.first, b.first) < 0; });
    write_all('{', '}', entries.size(), depth, [&](std::size_t i) {
      const Value& key = entries[i].first;
      if (!key.text()) refuse("tojson: found a key of type " + type_name(key) + ", expected text");
      write_text(*key.text());
      put(": ");
      write(entries[i].second, depth + 1);
    });
  }

  void write_text(const Text& held) {
    put("\"");
    for (std::size_t i = 0; i < held.bytes.size(); ++i) {
      const char c = held.bytes[i];
      static constexpr std::string_view kPlain = "\"\\\n\r\t\b\f", kLetters = "\"\\nrtbf";
      const std::size_t known = kPlain.find(c);
      std::string shown(1, c);
      if (known != kPlain.npos)
        shown = std::string("\\") + kLetters[known];
      else if (static_cast<unsigned char>(c) < 0x20)
        shown = fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
      text += Text(shown, static_cast<SegmentKind>(held.kinds[i]));
    }
    put("\"");
  }

  int indent_;
  bool sort_keys_;
};

}  // namespace

Text to_text(const Value& value) {
  return value.text() ? *value.text() : value.undefined() ? Text() : Text(repr(value));
}

std::string repr(const Value& value) {
  spend_work(1);
  std::int64_t whole = 0;
  double number = 0;
  if (value.undefined()) return "Undefined";
  if (value.is<None>()) return "None";
  if (const bool* truth = value.boolean()) return *truth ? "True" : "False";
  if (value.integer(whole)) return std::to_string(whole);
  if (value.number(number)) return float_text(number);
  if (value.text()) return quoted(value.text()->bytes);
  std::string text;
  if (value.list()) {
    for (const Value& item : *value.list()) text += (text.empty() ? "" : ", ") + repr(item);
    spend_work(text.size() / 16);
    return "[" + text + "]";
  }
  if (value.dict()) {
    for (const auto& [key, item] : value.dict()->entries)
      text += (text.empty() ? "" : ", ") + repr(key) + ": " + repr(item);
    return "{" + text + "}";
  }
  refuse("found a value of type " + type_name(value) +
         " to print, expected text, a number or a "
         "list");
}

Text to_json_text(const Value& value, int indent, bool sort_keys) {
  JsonText json(indent, sort_keys);
  json.write(value, 0);
  return std::move(json.text);
}

}  // namespace tradeoff::text::jinja
