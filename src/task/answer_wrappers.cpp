#include "answer_wrappers.hpp"

#include <algorithm>
#include <string>

#include "sql_scan.hpp"
#include "unicode.hpp"

namespace tradeoff::task {
namespace {

// What a wrapper holds, and where the text goes on behind it; `end` 0: there is none.
struct Wrapped {
  std::size_t end = 0;
  std::string text;
};

// The code point of four hexadecimal digits as UTF-8; a lone surrogate becomes a question mark.
void append_code_point(std::string& text, std::string_view digits) {
  unsigned code = 0;
  for (const char c : digits) {
    const unsigned digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    code = code * 16 + (digit & 15);
  }
  if (code >= 0xd800 && code < 0xe000) {
    text += '?';
  } else if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += {static_cast<char>(0xc0 | (code >> 6)), static_cast<char>(0x80 | (code & 63))};
  } else {
    text += {static_cast<char>(0xe0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 63)),
             static_cast<char>(0x80 | (code & 63))};
  }
}

// Takes one escape of a JSON string, `at` on its backslash; returns its length.
std::size_t take_escape(std::string& text, std::string_view json, std::size_t at) {
  if (at + 1 == json.size()) return 1;
  constexpr std::string_view kLetters = "nrtbf", kMeant = "\n\r\t  ";
  const char c = json[at + 1];
  if (c == 'u' && at + 6 <= json.size()) {
    append_code_point(text, json.substr(at + 2, 4));
    return 6;
  }
  const std::size_t letter = kLetters.find(c);
  text += letter == kLetters.npos ? c : kMeant[letter];
  return 2;
}

// The string whose opening quote is at `at`. Models leave quotes inside unescaped: one ends the
// string only where a comma, a bracket or the end follows.
Wrapped json_string(std::string_view text, std::size_t at) {
  Wrapped string;
  for (std::size_t i = at + 1; i < text.size();) {
    if (text[i] == '\\') {
      i += take_escape(string.text, text, i);
      continue;
    }
    if (text[i] == '"') {
      const std::size_t next = skip_space(text, i + 1);
      if (next == text.size() || std::string_view(",}]").find(text[next]) != std::string_view::npos)
        return {i + 1, std::move(string.text)};
    }
    string.text += text[i++];
  }
  return {text.size(), std::move(string.text)};
}

// At the first quote of `"key": "value"`: the value.
Wrapped json_value(std::string_view text, std::size_t at) {
  const std::string_view key = word_at(text, at + 1);
  std::size_t behind = at + 1 + key.size();
  if (key.empty() || behind >= text.size() || text[behind] != '"') return {};
  behind = skip_space(text, behind + 1);
  if (behind == text.size() || text[behind] != ':') return {};
  behind = skip_space(text, behind + 1);
  if (behind == text.size() || text[behind] != '"') return {};
  return json_string(text, behind);
}

void drop_command(std::string& text, std::string_view command) {
  const std::string_view inside = strip(text);
  if (!inside.starts_with(command) || !inside.ends_with('}')) return;
  text = inside.substr(command.size(), inside.size() - command.size() - 1);
}

// The group behind \boxed{, whose braces pair; without LaTeX's escapes and text commands.
Wrapped boxed(std::string_view text, std::size_t at) {
  constexpr std::string_view kBoxed = "\\boxed{";
  if (!text.substr(at).starts_with(kBoxed)) return {};
  std::string inside;
  int depth = 1;
  std::size_t i = at + kBoxed.size();
  for (; i < text.size() && depth > 0; ++i) {
    const bool escape = text[i] == '\\' && i + 1 < text.size() &&
                        std::string_view("_%$#&{}").find(text[i + 1]) != std::string_view::npos;
    if (escape) {
      inside += text[++i];
      continue;
    }
    depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
    if (depth > 0) inside += text[i];
  }
  for (const char* command : {"\\text{", "\\texttt{", "\\mathrm{", "\\mathtt{"})
    drop_command(inside, command);
  return {i, std::move(inside)};
}

// Where `small`, in lower case, stands at or after `begin` in any case; text.size() where nowhere.
std::size_t find_folded(std::string_view text, std::string_view small, std::size_t begin) {
  for (std::size_t at = text.find(small[0], begin); at != std::string_view::npos;
       at = text.find(small[0], at + 1))
    if (lower(text.substr(at, small.size())) == small) return at;
  return text.size();
}

Wrapped tagged(std::string_view text, std::size_t at) {
  for (const std::string_view name : {"answer", "final_answer", "final_sql", "final"}) {
    std::string open("<"), close("</");
    open.append(name).append(">");
    close.append(name).append(">");
    if (lower(text.substr(at, open.size())) != open) continue;
    const std::size_t begin = at + open.size();
    const std::size_t end = find_folded(text, close, begin);
    return {std::min(end + close.size(), text.size()),
            std::string(text.substr(begin, end - begin))};
  }
  return {};
}

bool starts_as_statement(std::string_view text) {
  const std::string word = lower(word_at(text, skip_space(text, 0)));
  return word == "select" || word == "with";
}

}  // namespace

std::vector<Region> unwrapped(std::string_view text, const Region& outer, int depth) {
  std::vector<Region> regions;
  const auto plain = [&](std::size_t begin, std::size_t end) {
    Region region = outer;
    region.text = text.substr(begin, end - begin);
    regions.push_back(std::move(region));
  };
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const bool last_word = c == '\\' || c == '<';
    Wrapped found = c == '"' ? json_value(text, at) : c == '\\' ? boxed(text, at) : Wrapped();
    if (c == '<') found = tagged(text, at);
    if (found.end == 0) {
      ++at;
      continue;
    }
    plain(begin, at);
    // The key announces its value: "explanation", "final_sql".
    if (c == '"') regions.back().text.append(text.substr(at, word_at(text, at + 1).size() + 2));
    for (Region& inner : regions_of(found.text, depth + 1)) {
      const bool fenced_inside = inner.fenced;
      inner.fenced = true;
      inner.last_word = inner.last_word || last_word || outer.last_word;
      if (!fenced_inside) inner.closed = starts_as_statement(inner.text);
      if (!inner.text.empty()) regions.push_back(std::move(inner));
    }
    at = begin = found.end;
  }
  plain(begin, text.size());
  return regions;
}

}  // namespace tradeoff::task
