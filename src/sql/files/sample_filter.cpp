#include "tradeoff/sql/files/sample_filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tradeoff/base/error.hpp"

namespace tradeoff::sql {

bool SampleFilter::takes(const Json& row) {
  const std::string name = field_or<std::string>(row, "filter", "none");
  if (names_.empty()) first_ = name;
  names_.insert(name);
  return name == (wanted_.empty() ? first_ : wanted_);
}

void SampleFilter::finish(const std::string& file) const {
  if (wanted_.empty() && names_.size() > 1)
    fail(fmt::format("{}: samples of {} filters, {}; choose one with --filter", file, names_.size(),
                     fmt::join(names_, ", ")));
  if (!wanted_.empty() && !names_.contains(wanted_))
    fail(fmt::format("{}: no sample of the filter \"{}\"; found {}", file, wanted_,
                     names_.empty() ? "no samples of lm-evaluation-harness"
                                    : fmt::format("{}", fmt::join(names_, ", "))));
}

}  // namespace tradeoff::sql
