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
  // Why this statement and no other of the answer.
  enum class Rule { none, opening, fence, last_fence, prose, correction, last_word };
  Rule rule = Rule::none;
};

/// The SELECT or WITH statement of a raw answer; everything around it is left out.
///
/// What is read: the answer without reasoning (<think>, <thinking>, <reasoning>, ... in angle or
/// square brackets, channels of analysis), up to the first chat end token. Text values of JSON
/// ({"sql": "..."}) are read as JSON writes them, \n and \" included, and count as code fences; so
/// do \boxed{...} and <answer>...</answer>.
///
/// Which statement, in this order (`rule`):
///   opening     one that opens the answer;
///   fence       else that of the first code fence (``` or ~~~, closed or not) that holds one;
///   prose       else the first of the prose, one at the start of a line or behind "SQL:" before
///               one within a line.
/// Then, going on through the answer up to where it asks a next question ("Question:"):
///   last_fence  a later fence takes the place of an earlier one: models that reason write their
///               drafts first. Not where the words between offer it as something else ("or",
///               "alternatively", "also", "explanation", ...), and not a part of a statement
///               without FROM;
///   correction  a later statement takes the place where the words before it say so ("corrected",
///               "sorry", "wait", "final", ...);
///   last_word   that of \boxed{...} or <answer> always does.
///
/// Where it ends: at its semicolon, at the end of its fence, inline code or quotes, at the next
/// statement, and in prose also at a full stop, or at a line that no longer reads as SQL
/// (explanations, the next question). A full stop between a table and its column ("T1 . name") or
/// behind a number before a keyword ("7. AND") belongs to it, as do "! =" and a line that begins
/// with an operator and goes on as a term. Keywords count in any case.
/// - semicolons, quotes and comment marks inside literals are part of it;
/// - other statements (INSERT, DROP, EXPLAIN, ...) are passed over, with the SELECT inside them;
/// - "select the names ..." in a sentence is no statement.
/// What follows SELECT is not judged: wrong SQL is returned as it is. Pure.
Extracted extract_sql(std::string_view raw);

/// The rule's name, as counts of it are printed.
std::string_view name_of(Extracted::Rule rule);

/// `sql` on one line, as the official prediction files need it: line breaks and tabs become spaces.
std::string one_line(std::string_view sql);

/// Version of the extraction rules; stored with results, raised whenever an answer may be read
/// differently.
inline constexpr int kExtractVersion = 2;

}  // namespace tradeoff::task
