#include <algorithm>
#include <cctype>
#include <vector>

#include "tradeoff/report/page/show_question.hpp"

namespace tradeoff::report {
namespace {

// Words, runs of blanks and single signs, so that they join to the text again.
std::vector<std::string_view> pieces_of(std::string_view text) {
  const auto is_word = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) || c == '_' || byte >= 0x80;
  };
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  std::vector<std::string_view> pieces;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    if (is_word(text[at])) {
      while (end < text.size() && is_word(text[end])) ++end;
    } else if (is_space(text[at])) {
      while (end < text.size() && is_space(text[end])) ++end;
    }
    pieces.push_back(text.substr(at, end - at));
    at = end;
  }
  return pieces;
}

using Lengths = std::vector<std::vector<std::size_t>>;

// lengths[i][j]: of the longest common subsequence of a from i on and b from j on.
Lengths common_lengths(const std::vector<std::string_view>& a,
                       const std::vector<std::string_view>& b) {
  Lengths lengths(a.size() + 1, std::vector<std::size_t>(b.size() + 1, 0));
  for (std::size_t i = a.size(); i-- > 0;)
    for (std::size_t j = b.size(); j-- > 0;)
      lengths[i][j] =
          a[i] == b[j] ? lengths[i + 1][j + 1] + 1 : std::max(lengths[i + 1][j], lengths[i][j + 1]);
  return lengths;
}

}  // namespace

std::string word_diff(std::string_view from, std::string_view to) {
  const auto a = pieces_of(from), b = pieces_of(to);
  const Lengths lengths = common_lengths(a, b);
  std::string text, less, more;
  const auto flush = [&] {
    if (!less.empty()) text += "[-" + less + "-]";
    if (!more.empty()) text += "{+" + more + "+}";
    less.clear();
    more.clear();
  };
  for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      flush();
      text += a[i++];
      ++j;
    } else if (i < a.size() && (j == b.size() || lengths[i + 1][j] >= lengths[i][j + 1])) {
      less += a[i++];
    } else {
      more += b[j++];
    }
  }
  flush();
  return text;
}

}  // namespace tradeoff::report
