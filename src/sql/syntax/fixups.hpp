#pragma once
#include <string>
#include <string_view>

namespace tradeoff::sql {

/// The test-suite evaluator's text rules (exec_eval.py and evaluation.py, e97acc5).

enum class Distinct { removed, kept };

/// "value" becomes "1" wherever it stands: the evaluator's placeholder, also inside other words.
std::string fill_placeholder(std::string_view prediction);
/// YEAR(CURDATE()) made 2020, in any case and with any blanks.
std::string with_current_year(std::string_view sql);
/// "> =", "< =" and "! =" joined, the current year fixed, DISTINCT taken out unless kept.
std::string executable_text(std::string_view sql, Distinct distinct);
/// Every token equal to DISTINCT taken out, also inside count(); text after the first `;` is
/// dropped.
std::string without_distinct(std::string_view sql);
/// True when the gold text asks for an order of rows by that evaluator's rule: "order by" anywhere.
bool mentions_order_by(std::string_view gold);

}  // namespace tradeoff::sql
