#pragma once

namespace tradeoff::study {

/// The metric that `accuracy` means where queries are written.
enum class Primary { exec, set, strict };
const char* name_of(Primary primary);

}  // namespace tradeoff::study
