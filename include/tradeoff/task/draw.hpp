#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace tradeoff::task {

/// The first `count` indices of the order in which the stream (seed, name) draws [0, size) without
/// replacement, sorted. A larger count only adds to a smaller one. Throws Error where count > size.
std::vector<std::size_t> first_of_draw(std::size_t size, std::size_t count, std::uint64_t seed,
                                       std::string_view name);

/// `count` shared out one by one over `groups` groups: 150 over 3 is {50, 50, 50}, 8 over 3 {3, 3,
/// 2}.
std::vector<std::size_t> even_shares(std::size_t count, std::size_t groups);

}  // namespace tradeoff::task
