#pragma once
#include <map>
#include <string>

#include "syntax.hpp"

namespace tradeoff::text::jinja {

/// Runs a template. `date` is what strftime_now knows. Throws Error "line N: ..." also where the
/// template takes more than 1,000,000 steps, nests deeper than 400, or makes more than 256 MiB of
/// text.
Text run(const Node& root, const std::map<std::string, Value>& variables, const std::string& date);

}  // namespace tradeoff::text::jinja
