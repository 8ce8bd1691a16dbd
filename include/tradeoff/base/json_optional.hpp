#pragma once
#include <optional>

#include "tradeoff/base/json.hpp"

namespace tradeoff {

/// The value as JSON; null where there is none.
template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

}  // namespace tradeoff
