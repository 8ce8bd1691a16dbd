#pragma once
#include <exception>
#include <string>

namespace tradeoff {

/// What nlohmann's parser says is wrong with a text, without the library's own tag
/// ("[json.exception.parse_error.101] "), in UTF-8 whatever the text holds.
std::string json_problem(const std::exception& error);

}  // namespace tradeoff
