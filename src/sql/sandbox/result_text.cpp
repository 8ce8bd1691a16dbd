#include "tradeoff/sql/sandbox/result_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tradeoff/base/utf8.hpp"

namespace tradeoff::sql {

std::vector<std::string> result_lines(const Result& result, std::size_t most) {
  if (result.outcome != Outcome::ok) return {std::string(name_of(result.outcome)), result.message};
  const auto line = [](const auto& cells, const auto& text) {
    std::string joined;
    for (std::size_t i = 0; i < cells.size(); ++i)
      joined += (i == 0 ? "" : " | ") + std::string(text(cells[i]));
    return joined;
  };
  std::vector<std::string> lines = {
      line(result.columns, [](const std::string& name) { return name; })};
  const std::size_t shown = std::min(most, result.rows.size());
  for (std::size_t i = 0; i < shown; ++i) lines.push_back(line(result.rows[i], to_text));
  const char* const unit = result.rows.size() == 1 ? "row" : "rows";
  lines.push_back(shown < result.rows.size()
                      ? fmt::format("({} of {} {})", shown, result.rows.size(), unit)
                      : fmt::format("({} {})", shown, unit));
  return lines;
}

std::string result_preview(const Result& result, std::size_t most, std::size_t width) {
  if (result.outcome != Outcome::ok) return "";
  std::string text;
  for (std::string& line : result_lines(result, most)) {
    if (line.size() > width) {
      std::size_t end = width;
      while (end > 0 && !between_characters(line, end)) --end;
      line.resize(end);
      line += "...";
    }
    text += (text.empty() ? "" : "\n") + line;
  }
  return text;
}

}  // namespace tradeoff::sql
