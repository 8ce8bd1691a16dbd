#pragma once
#include <regex>
#include <string>
#include <string_view>

namespace tradeoff::lora {

/// `text`, a regular expression of Python's `re`, as one of ECMAScript. Throws Error "KEY: ..."
/// where it has a construct that is missing there or means something else.
std::regex python_expression(std::string_view key, const std::string& text);

/// The same with `text` between two parts that need no check.
std::regex python_expression(std::string_view key, const std::string& before,
                             const std::string& text, const std::string& after);

}  // namespace tradeoff::lora
