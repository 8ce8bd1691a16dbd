#include "expression.hpp"

#include <fmt/format.h>

#include "tradeoff/base/error.hpp"

namespace tradeoff::lora {
namespace {

constexpr std::size_t kMostBytes = 4096;
constexpr std::size_t kMostDigits = 4;

// Time that grows with the expression's states and the name's length, not with all ways through it:
// "(.|.)*(.|.)*x" would take years. It knows no back references, which are refused below.
std::regex compiled(const std::string& text) {
  return std::regex(text, std::regex::ECMAScript | std::regex_constants::__polynomial);
}

bool is_one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

// The construct at `at` that the two languages read differently; empty: none.
std::string_view differing(std::string_view text, std::size_t at) {
  const char c = text[at];
  const char next = at + 1 < text.size() ? text[at + 1] : '\0';
  const char after = at + 2 < text.size() ? text[at + 2] : '\0';
  // Named groups, flags, looking back, comments, atomic groups.
  if (c == '(' && next == '?' && !is_one_of(after, ":=!")) return text.substr(at, 3);
  // ECMAScript's empty class; Python's class with a bracket in it.
  if (c == '[' && next == ']') return text.substr(at, 2);
  if (c == '[' && next == '^' && after == ']') return text.substr(at, 3);
  // POSIX classes.
  if (c == '[' && is_one_of(next, ":.=")) return text.substr(at, 2);
  // Possessive quantifiers, or quantifiers of quantifiers.
  if (is_one_of(c, "*+?}") && is_one_of(next, "*+")) return text.substr(at, 2);
  return {};
}

// Whether a count of the braces at `at` has more digits than std::regex can be trusted with: it
// computes them as a long, and overflows.
bool counts_too_far(std::string_view text, std::size_t at) {
  std::size_t digits = 0;
  for (const char c : text.substr(at + 1)) {
    if (!is_one_of(c, "0123456789,")) break;
    digits = c == ',' ? 0 : digits + 1;
    if (digits > kMostDigits) return true;
  }
  return false;
}

}  // namespace

std::regex python_expression(std::string_view key, const std::string& before,
                             const std::string& text, const std::string& after) {
  const auto refuse = [&](const std::string& why) {
    fail(fmt::format("{}: found \"{}\": {}", key, text.substr(0, 200), why));
  };
  if (text.size() > kMostBytes) refuse(fmt::format("expected at most {} bytes", kMostBytes));
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) >= 0x80 || text[i] == '\n' || text[i] == '\0')
      refuse("expected printable ASCII");
    if (text[i] == '\\') {
      const char next = ++i < text.size() ? text[i] : '\0';
      const bool letter = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') ||
                          (next >= '0' && next <= '9') || next == '\0';
      if (letter && !is_one_of(next, "dDwWsSbB"))
        refuse(fmt::format("\\{} is not supported in an expression", next ? next : ' '));
      continue;
    }
    if (const std::string_view found = differing(text, i); !found.empty())
      refuse(fmt::format("{} is not supported in an expression", found));
    if (text[i] == '{' && counts_too_far(text, i))
      refuse(fmt::format("expected counts of at most {} digits in an expression", kMostDigits));
  }
  try {
    // Alone first, so that it cannot close a group of what stands around it.
    (void)compiled(text);
    return compiled(before + text + after);
  } catch (const std::regex_error& error) {
    fail(fmt::format("{}: found \"{}\", expected a regular expression: {}", key,
                     text.substr(0, 200), error.what()));
  }
}

std::regex python_expression(std::string_view key, const std::string& text) {
  return python_expression(key, "", text, "");
}

}  // namespace tradeoff::lora
