#pragma once
#include <string>
#include <vector>

namespace tradeoff::report {

/// A table of text, made once and written as Markdown, HTML or CSV.
struct Grid {
  std::string title;
  // What the columns are, over what figures vary; a sentence or two below the title.
  std::string caption;
  std::vector<std::string> columns;
  // The first so many columns are names, the others figures.
  std::size_t names = 1;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> notes;
};

/// Columns padded to their widest entry, so that the Markdown is a table on a terminal too.
/// `text` on one line and without a way to open a tag or a link: names come from foreign files.
std::string plain_markdown(std::string_view text);
std::string to_markdown(const Grid& grid);
/// <figure> with the table, which scrolls sideways on a narrow screen. Text is escaped.
std::string to_html(const Grid& grid);
/// RFC 4180, a header line first.
std::string to_csv(const std::vector<std::string>& columns,
                   const std::vector<std::vector<std::string>>& rows);

/// & < > " ' as entities.
std::string escape_html(std::string_view text);

}  // namespace tradeoff::report
