#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tradeoff::sql {

/// A token as the Python package sqlparse cuts it, on which the official text rules rest.
/// Multi-word keywords ("order by") come as single words here, dollar quotes are not known: neither
/// matters to the rules below. Bytes above 0x7f count as letters.
struct SqlparseToken {
  enum class Kind { blank, newline, comment, string, other };

  Kind kind;
  std::string_view text;
};

std::vector<SqlparseToken> sqlparse_tokens(std::string_view sql);

}  // namespace tradeoff::sql
