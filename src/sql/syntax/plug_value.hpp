#pragma once
#include <functional>
#include <string>
#include <string_view>

namespace tradeoff::sql {

/// More ways than this to fill a prediction's value places are not tried.
inline constexpr std::size_t kMaxPlugged = 65'536;

enum class Judged { right, wrong, give_up };

/// The official --plug_value: every way to put the gold's values in the prediction's places, words
/// in lower case, given to `judge` one by one until it says right or gives up. Returns whether it
/// said right. Both texts come after the other official text rules.
bool any_plugged(std::string_view gold, std::string_view prediction,
                 const std::function<Judged(const std::string&)>& judge);

}  // namespace tradeoff::sql
