#include "plug_value.hpp"

#include <algorithm>
#include <cctype>
#include <set>
#include <vector>

#include "python_text.hpp"
#include "sqlparse_tokens.hpp"

namespace tradeoff::sql {
namespace {

constexpr std::string_view kPlace = "VALUERARE";
constexpr std::string_view kPlaceLower = "valuerare";

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string stripped(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return std::string(text);
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (from.empty()) return;
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

// Matches of [-+]?\d*\.\d+
std::set<std::string> fractions_in(std::string_view text) {
  std::set<std::string> found;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + (text[i] == '-' || text[i] == '+');
    while (end < text.size() && is_digit(text[end])) ++end;
    if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
      ++end;
      while (end < text.size() && is_digit(text[end])) ++end;
      found.emplace(text.substr(i, end - i));
      i = end;
    } else {
      ++i;
    }
  }
  return found;
}

// Matches of [^tT]\d+ without the blanks around them.
std::set<std::string> integers_in(std::string_view text) {
  std::set<std::string> found;
  for (std::size_t i = 0; i + 1 < text.size();) {
    if (text[i] == 't' || text[i] == 'T' || !is_digit(text[i + 1])) {
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    while (end < text.size() && is_digit(text[end])) ++end;
    found.insert(stripped(text.substr(i, end - i)));
    i = end;
  }
  return found;
}

// "T1.name" and the like: [Tt]\d+\. anywhere in the word.
bool names_alias(std::string_view word) {
  for (std::size_t i = 0; i + 1 < word.size(); ++i) {
    if ((word[i] != 't' && word[i] != 'T') || !is_digit(word[i + 1])) continue;
    std::size_t end = i + 1;
    while (end < word.size() && is_digit(word[end])) ++end;
    if (end < word.size() && word[end] == '.') return true;
  }
  return false;
}

struct Template {
  std::vector<std::string> words;  // lower case; kPlaceLower where a value stood
  std::set<std::string> values;
};

Template template_of(std::string_view sql) {
  std::string text = stripped(sql);
  for (const char c : {';', '\t'}) std::erase(text, c);
  std::vector<std::string> tokens;
  for (const SqlparseToken& token : sqlparse_tokens(text))
    if (token.kind != SqlparseToken::Kind::blank) tokens.emplace_back(token.text);
  text = joined(tokens);

  Template result;
  const std::string before = text;
  for (const SqlparseToken& token : sqlparse_tokens(before))
    if (token.kind == SqlparseToken::Kind::string) {
      result.values.emplace(token.text);
      replace_all(text, stripped(token.text), kPlace);
    }
  std::vector<std::string> words = split_at_spaces(text);
  const auto take = [&](const std::set<std::string>& numbers) {
    for (std::string& word : words)
      if (numbers.contains(word)) {
        result.values.insert(word);
        word = kPlace;
      }
  };
  take(fractions_in(text));
  take(integers_in(joined(words)));
  for (const std::string& word : words) {
    if (!names_alias(word)) {
      result.words.push_back(lower(word));
      continue;
    }
    std::string apart = word;
    replace_all(apart, ".", " . ");
    for (const std::string& part : split_at_spaces(apart)) result.words.push_back(lower(part));
  }
  return result;
}

}  // namespace

bool any_plugged(std::string_view gold, std::string_view prediction,
                 const std::function<Judged(const std::string&)>& judge) {
  const std::set<std::string> gold_values = template_of(gold).values;
  const std::vector<std::string> values(gold_values.begin(), gold_values.end());
  std::vector<std::string> words = template_of(prediction).words;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == kPlaceLower) places.push_back(i);
  if (values.empty() && !places.empty()) return false;

  // Counts in base |values| over the places.
  std::vector<std::size_t> choice(places.size(), 0);
  for (std::size_t tried = 0; tried < kMaxPlugged; ++tried) {
    for (std::size_t i = 0; i < places.size(); ++i) words[places[i]] = values[choice[i]];
    const Judged judged = judge(joined(words));
    if (judged != Judged::wrong) return judged == Judged::right;
    std::size_t wheel = 0;
    while (wheel < choice.size() && ++choice[wheel] == values.size()) choice[wheel++] = 0;
    if (wheel == choice.size()) return false;
  }
  return false;
}

}  // namespace tradeoff::sql
