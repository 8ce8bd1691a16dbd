#include "match_tokens.hpp"

#include <algorithm>
#include <cctype>
#include <unordered_map>

#include "syntax/python_text.hpp"

namespace tradeoff::sql {
namespace {

bool word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) || c == '_' || byte > 0x7f;
}

// A period that ends the text, up to closing brackets and blanks, becomes a token of its own.
void split_final_period(std::string& text) {
  std::size_t end = text.size();
  while (end > 0 && (is_space(text[end - 1]) ||
                     std::string_view("])}>").find(text[end - 1]) != std::string_view::npos))
    --end;
  if (end < 2 || text[end - 1] != '.' || text[end - 2] == '.') return;
  text.insert(end, 1, ' ');
  text.insert(end - 1, 1, ' ');
}

// ":" and "," not before a digit get a blank in front; of two in a row the second is passed over.
std::string split_commas(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool mark = text[i] == ':' || text[i] == ',';
    if (mark && (i + 1 == text.size() || !is_digit(text[i + 1]))) {
      out.push_back(' ');
      out.push_back(text[i]);
      out.push_back(' ');
      // The character after the mark belongs to the same match.
      if (i + 1 < text.size()) out.push_back(text[++i]);
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// Every other character that stands alone, runs of backticks and of periods, and double dashes.
std::string pad(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1;
    bool alone = std::string_view(";@#$%&?!*[](){}<>").find(text[i]) != std::string_view::npos;
    if (text[i] == '`' || text[i] == '.') {
      while (end < text.size() && text[end] == text[i]) ++end;
      alone = text[i] == '`' || end > i + 1;
    } else if (text.substr(i, 2) == "--") {
      end = i + 2;
      alone = true;
    }
    if (alone) out.push_back(' ');
    out.append(text.substr(i, end - i));
    if (alone) out.push_back(' ');
    i = end;
  }
  return out;
}

// NLTK takes these words for contractions.
std::string split_contractions(std::string_view text) {
  constexpr std::pair<std::string_view, std::size_t> kWords[] = {
      {"cannot", 3}, {"gimme", 3}, {"gonna", 3}, {"gotta", 3}, {"lemme", 3}, {"wanna", 3}};
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (!word(text[i])) {
      out.push_back(text[i++]);
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && word(text[end])) ++end;
    std::string_view token = text.substr(i, end - i);
    i = end;
    for (const auto& [whole, cut] : kWords) {
      if (token != whole || (whole == "wanna" && end < text.size() && !is_space(text[end])))
        continue;
      out.append(" ").append(token.substr(0, cut)).append(" ");
      token.remove_prefix(cut);
      out.append(token).append(" ");
      token = {};
    }
    out.append(token);
  }
  return out;
}

// "!", ">" or "<" and a following "=" are one sign; from the right, as the official loop goes.
void join_signs(std::vector<std::string>& tokens) {
  for (std::size_t i = tokens.size(); i-- > 1;) {
    if (tokens[i] != "=" || (tokens[i - 1] != "!" && tokens[i - 1] != ">" && tokens[i - 1] != "<"))
      continue;
    tokens[i - 1].push_back('=');
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

}  // namespace

std::vector<std::string> match_tokens(std::string_view sql) {
  std::vector<std::size_t> quotes;
  std::string text(sql);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\'') text[i] = '"';
    if (text[i] == '"') quotes.push_back(i);
  }
  if (quotes.size() % 2 != 0) throw OutsideGrammar();
  // Strings become words of their own kind while the text is cut.
  std::unordered_map<std::string, std::string> strings;
  std::string bare;
  std::size_t done = 0;
  for (std::size_t i = 0; i < quotes.size(); i += 2) {
    const std::size_t open = quotes[i], close = quotes[i + 1];
    const std::string key = "__val_" + std::to_string(open) + "_" + std::to_string(close) + "__";
    strings[key] = text.substr(open, close + 1 - open);
    bare.append(text, done, open - done).append(key);
    done = close + 1;
  }
  bare.append(text, done);
  for (char& c : bare) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));

  split_final_period(bare);
  std::vector<std::string> tokens = split_at_spaces(split_contractions(pad(split_commas(bare))));
  for (std::string& token : tokens)
    if (const auto found = strings.find(token); found != strings.end()) token = found->second;
  join_signs(tokens);
  return tokens;
}

}  // namespace tradeoff::sql
