#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tradeoff::sql {

/// One token as SQLite's tokenizer cuts it; blanks and comments are left out.
struct Token {
  enum class Kind { word, quoted_name, string, number, variable, symbol };

  Kind kind;
  // The bytes of the statement, quotes included.
  std::string_view text;

  /// True for the unquoted word `lower_case` in any case.
  bool is_word(std::string_view lower_case) const;
};

/// The tokens of `sql`; an unfinished string or name runs to the end. "double quotes" are
/// quoted_name, as are [brackets] and `backticks`.
std::vector<Token> sqlite_tokens(std::string_view sql);

/// A name or string without its quotes, doubled quotes made single; a plain word as it is.
std::string unquoted(std::string_view token);

}  // namespace tradeoff::sql
