#pragma once
#include <filesystem>
#include <string_view>

namespace tradeoff::app {

/// Full path of a program on PATH; empty where there is none.
std::filesystem::path find_program(std::string_view name);

}  // namespace tradeoff::app
