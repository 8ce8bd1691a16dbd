#pragma once
#include <string>
#include <string_view>

namespace tradeoff::task {

/// What surrounds a statement decides what ends it.
struct Surroundings {
  // Inside a closed code fence: full stops, blank lines and unusual line starts do not end it.
  bool code = false;
  // The quote or backtick that stands before the statement and so closes it; 0: none.
  char wrapper = 0;
  // A SELECT at the start of a line belongs to it (INSERT ... SELECT), as with WITH.
  bool takes_select = false;
};

struct Statement {
  // Verbatim without comments, trailing white space and semicolon.
  std::string sql;
  // Where the text goes on behind it.
  std::size_t end = 0;
};

/// The statement that begins at `start` of `text`.
Statement scan_statement(std::string_view text, std::size_t start,
                         const Surroundings& surroundings);

bool is_word_char(char c);
/// The word ([A-Za-z0-9_]+) at `at`, empty where there is none.
std::string_view word_at(std::string_view text, std::size_t at);
/// Whether `word`, in lower case, begins a clause or joins what stands before and behind it:
/// "from", "and", "desc".
bool is_clause_word(std::string_view word);
std::string lower(std::string_view text);
/// First place at or after `at` that is not a space, tab or line break; text.size() where there is
/// none.
std::size_t skip_space(std::string_view text, std::size_t at);

}  // namespace tradeoff::task
