#pragma once
#include <span>
#include <string>
#include <string_view>

#include "tradeoff/text/vocabulary.hpp"

namespace tradeoff::text {

/// `text` after `steps`, in their order. `first`: the whole input begins with it. Returns `text`
/// itself where there are no steps, else a view of `room`.
std::string_view apply_steps(std::span<const TextStep> steps, std::string_view text, bool first,
                             std::string& room);

/// Whether the class of the character that ends (begins) `text` has a bit of `wanted`.
bool ends_with_class(std::string_view text, std::uint8_t wanted);
bool begins_with_class(std::string_view text, std::uint8_t wanted);
/// Bytes of white space at the end (start) of `text`.
std::size_t spaces_at_end(std::string_view text);
std::size_t spaces_at_start(std::string_view text);

}  // namespace tradeoff::text
