#pragma once
#include <string>

#include "tradeoff/report/analysis/analysis.hpp"

namespace tradeoff::report {

/// Every question with every arm's and seed's answer, for the page's table: what assets/list.js
/// reads. Columns, not rows, so that it packs well.
///   tasks.<task>  ids, labels, levels, questions, golds; of queries: schema [index into schemas]
///   cells[]       task, arm, seed, once, ok "1", "0", "-" an item; of queries: sql, class,
///                 outcome, message, text where it is not the sql; of choices: letters, confidence
///                 in per cent; both: prompt_tokens, shots, overflow, prompt (a name in prompts)
///   prompts.<name>  shared, rest: results/prompt_table.hpp, counted in UTF-16 units
Json question_data(const Study& study, const Analysis& analysis);

/// zlib's format (RFC 1950) as base64 text.
std::string pack(std::string_view bytes);

}  // namespace tradeoff::report
