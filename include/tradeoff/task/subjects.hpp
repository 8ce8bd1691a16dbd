#pragma once
#include <string_view>

namespace tradeoff::task {

/// Whether a built-in task of choices has a subject of this name ("abstract_algebra").
bool is_subject(std::string_view name);

}  // namespace tradeoff::task
