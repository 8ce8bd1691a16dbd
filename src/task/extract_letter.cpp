#include "tradeoff/task/extract_letter.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "answer_regions.hpp"
#include "sql_scan.hpp"
#include "unicode.hpp"

namespace tradeoff::task {
namespace {

using Found = ExtractedLetter::Found;
using Rule = ExtractedLetter::Rule;

constexpr std::string_view kMarks = " \t\r\n()[]{}*_`\"'$";

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// The letter at `at`; 0 where there is none of the first `choices`.
char letter_at(std::string_view text, std::size_t at, std::size_t choices) {
  if (at >= text.size() || text[at] < 'A' || text[at] >= static_cast<char>('A' + choices)) return 0;
  const bool ends = at + 1 == text.size() || !(is_word(text[at + 1]) || text[at + 1] == '\'');
  return ends ? text[at] : 0;
}

std::size_t skip(std::string_view text, std::size_t at, std::string_view over) {
  return std::min(text.find_first_not_of(over, at), text.size());
}

// Whether a letter that ends before `at` is more than the first word of a sentence.
bool is_set_off(std::string_view text, std::size_t at) {
  const std::size_t next = skip(text, at, " \t");
  if (next == text.size() || text[next] == '\n' || text[next] == '\r') return true;
  const std::string_view marks = next == at ? ".)]}:,;*_`\"'$" : ":-";
  return marks.find(text[next]) != std::string_view::npos;
}

char opening(std::string_view text, std::size_t choices) {
  const std::size_t at = skip(text, 0, kMarks);
  const char letter = letter_at(text, at, choices);
  return letter && is_set_off(text, at + 1) ? letter : 0;
}

// A letter and nothing else but marks; in lower case too.
char whole(std::string_view text, std::size_t choices) {
  const std::size_t at = skip(text, 0, kMarks);
  if (at == text.size() || skip(text, at + 1, " \t\r\n()[]{}*_`\"'$.") != text.size()) return 0;
  const char capital =
      text[at] >= 'a' && text[at] <= 'z' ? static_cast<char>(text[at] - 'a' + 'A') : text[at];
  return letter_at(std::string_view(&capital, 1), 0, choices);
}

char last_word(std::string_view answer, std::size_t choices) {
  char letter = 0;
  for (const Region& region : regions_of(answer))
    if (region.last_word) letter = whole(region.text, choices);
  return letter;
}

// The letter that follows the word "answer", "option" or "choice" which ends before `at`.
char announced_at(std::string_view text, std::size_t at, std::size_t choices) {
  static const std::set<std::string, std::less<>> kBetween = {
      "is", "was", "would", "be", "should", "the", "correct", "option", "choice", "letter"};
  while (at < text.size()) {
    at = skip(text, at, " \t()[]{}*_`\"'$:=");
    if (const char letter = letter_at(text, at, choices)) return letter;
    const std::string word = lower(word_at(text, at));
    if (!kBetween.contains(word)) return 0;
    at += word.size();
  }
  return 0;
}

char announced(std::string_view text, std::size_t choices) {
  char letter = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::string word = lower(word_at(text, at));
    at += std::max<std::size_t>(word.size(), 1);
    if (word != "answer" && word != "option" && word != "choice") continue;
    if (const char found = announced_at(text, at, choices)) letter = found;
  }
  return letter;
}

char only(std::string_view text, std::size_t choices) {
  std::set<char> letters;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char letter = letter_at(text, at, choices);
    if (!letter) continue;
    const char behind = at + 1 < text.size() ? text[at + 1] : '\n';
    const bool bracketed = at > 0 && text[at - 1] == '(' && behind == ')';
    const std::size_t line = text.rfind('\n', at) == text.npos ? 0 : text.rfind('\n', at) + 1;
    const bool opens = skip(text, line, kMarks) == at;
    if (bracketed || (opens && (behind == '.' || behind == ')' || behind == ':')))
      letters.insert(letter);
  }
  return letters.size() == 1 ? *letters.begin() : '\0';
}

}  // namespace

ExtractedLetter extract_letter(std::string_view raw, std::size_t choices) {
  const std::string answer = answer_of(raw);
  const std::string_view text = strip(answer);
  if (text.empty()) return {thinks(raw) ? Found::no_letter : Found::empty_output, 0, Rule::none};
  if (const char letter = whole(text, choices)) return {Found::letter, letter, Rule::opening};
  using Reader = char (*)(std::string_view, std::size_t);
  constexpr std::pair<Rule, Reader> kRules[] = {{Rule::opening, opening},
                                                {Rule::last_word, last_word},
                                                {Rule::announced, announced},
                                                {Rule::only, only}};
  for (const auto& [rule, read] : kRules)
    if (const char letter = read(text, choices)) return {Found::letter, letter, rule};
  return {};
}

std::string_view name_of(Rule rule) {
  constexpr std::string_view kNames[] = {"none", "opening", "last_word", "announced", "only"};
  return kNames[static_cast<std::size_t>(rule)];
}

std::string_view name_of(Found found) {
  constexpr std::string_view kNames[] = {"letter", "empty_output", "no_letter"};
  return kNames[static_cast<std::size_t>(found)];
}

}  // namespace tradeoff::task
