#pragma once
#include <span>
#include <string>
#include <string_view>

#include "grid.hpp"
#include "tradeoff/report/analysis/analysis.hpp"

namespace tradeoff::report {

struct Term {
  std::string_view name;     // as it heads a column or a row, or stands as a metric's name
  std::string_view meaning;  // one sentence without a full stop
};

/// Words of statistics and the metrics' names.
std::span<const Term> terms();
/// What the class of a wrong answer means; a class of a later version is told as not known.
std::string class_meaning(const std::string& name);

/// The study's classes of wrong answers, and all of terms().
Grid glossary_grid(const Analysis& analysis);
Grid terms_grid();
/// Both as {name: meaning}, for the page's explanations.
Json glossary_json(const Analysis& analysis);

}  // namespace tradeoff::report
