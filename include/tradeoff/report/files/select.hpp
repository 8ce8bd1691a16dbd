#pragma once
#include "tradeoff/report/files/study.hpp"
#include "tradeoff/report/options.hpp"

namespace tradeoff::report {

/// The study with the arms that are asked for, under their new names, scored by the metric that is
/// asked for: as though it had never held more. Throws Error naming an arm that is not there and
/// those that are, and where two arms would have one name.
void select(Study& study, const Selection& selection);

}  // namespace tradeoff::report
