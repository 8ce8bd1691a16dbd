#include "grid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace tradeoff::report {
namespace {

// Columns of a terminal: code points, since every other script's letters are rare here.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string escape_markdown(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return plain_markdown(out);
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string plain_markdown(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const unsigned char next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    const bool tag = c == '<' && (std::isalpha(next) || next == '/' || next == '!' || next == '?');
    const bool link = c == ']' && (next == '(' || next == '[');
    if (tag || link) out += '\\';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

std::string to_markdown(const Grid& grid) {
  std::vector<std::vector<std::string>> cells = {grid.columns};
  cells.insert(cells.end(), grid.rows.begin(), grid.rows.end());
  std::vector<std::size_t> width(grid.columns.size(), 3);
  for (auto& row : cells) {
    row.resize(grid.columns.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = escape_markdown(row[i]);
      width[i] = std::max(width[i], width_of(row[i]));
    }
  }
  std::string text;
  for (std::size_t r = 0; r < cells.size(); ++r) {
    for (std::size_t i = 0; i < width.size(); ++i) {
      const std::string pad(width[i] - width_of(cells[r][i]), ' ');
      text += i < grid.names ? "| " + cells[r][i] + pad + " " : "| " + pad + cells[r][i] + " ";
    }
    text += "|\n";
    if (r > 0) continue;
    for (std::size_t i = 0; i < width.size(); ++i) {
      const bool name = i < grid.names;
      text += fmt::format("|{:-<{}}{}", "", width[i] + (name ? 2 : 1), name ? "" : ":");
    }
    text += "|\n";
  }
  return text;
}

namespace {

std::string html_table(const Grid& grid) {
  std::string html = "<div class=\"scroll\"><table>\n<thead><tr>";
  for (std::size_t i = 0; i < grid.columns.size(); ++i) {
    html += fmt::format("<th scope=\"col\"{}>{}</th>", i < grid.names ? "" : " class=\"n\"",
                        escape_html(grid.columns[i]));
  }
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : grid.rows) {
    html += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      html += i == 0 ? fmt::format("<th scope=\"row\">{}</th>", escape_html(row[i]))
                     : fmt::format("<td{}>{}</td>", i < grid.names ? "" : " class=\"n\"",
                                   escape_html(row[i]));
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace

std::string to_html(const Grid& grid) {
  std::string html = "<figure class=\"grid\">\n";
  if (!grid.title.empty()) {
    html += fmt::format("<figcaption><strong>{}</strong>{}</figcaption>\n", escape_html(grid.title),
                        grid.caption.empty() ? "" : fmt::format(" {}", escape_html(grid.caption)));
  }
  if (!grid.rows.empty()) html += html_table(grid);
  for (const std::string& note : grid.notes) {
    html += fmt::format("<p class=\"note\">{}</p>\n", escape_html(note));
  }
  return html + "</figure>\n";
}

std::string to_csv(const std::vector<std::string>& columns,
                   const std::vector<std::vector<std::string>>& rows) {
  std::string text;
  const auto line = [&text](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) text += ',';
      text += csv_field(cells[i]);
    }
    text += "\n";
  };
  line(columns);
  for (const auto& row : rows) line(row);
  return text;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace tradeoff::report
