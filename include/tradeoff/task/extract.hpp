#pragma once
#include <string>
#include <string_view>

namespace tradeoff::task {

/// The SQL of a model's answer.
struct Extracted {
  enum class Found {
    statement,
    empty_output,  // nothing but white space and end tokens
    no_sql,        // text, but no SELECT or WITH statement
  };
  Found found = Found::no_sql;
  // Verbatim, but for comments; without the semicolon that ends it. Empty unless `found` is
  // statement.
  std::string sql;
};

/// The first SELECT or WITH statement of a raw answer; everything around it is left out:
/// - a statement that opens the answer is taken; else that of the first code fence (``` or ~~~,
/// closed or not) that
///   holds one; else the first of the prose, one at the start of a line or behind "SQL:" before one
///   within a line;
/// - it ends at its semicolon, at the end of its fence, inline code or quotes, at the next
/// statement, and in prose
///   also at a full stop, or at a line that no longer reads as SQL (explanations, the next
///   question);
/// - semicolons, quotes and comment marks inside literals are part of it; chat end tokens end the
/// answer;
/// - other statements (INSERT, DROP, EXPLAIN, ...) are passed over, with the SELECT inside them;
/// - "select the names ..." in a sentence is no statement.
/// What follows SELECT is not judged: wrong SQL is returned as it is. Pure.
Extracted extract_sql(std::string_view raw);

/// `sql` on one line, as the official prediction files need it: line breaks and tabs become spaces.
std::string one_line(std::string_view sql);

/// Version of the extraction rules; stored with results, raised whenever an answer may be read
/// differently.
inline constexpr int kExtractVersion = 1;

}  // namespace tradeoff::task
