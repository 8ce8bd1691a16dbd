#pragma once
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"

namespace tradeoff {

/// Of a program that Python oracles ask hundreds of times: one process for all. Each line of
/// standard input is a JSON list of words; what `run` prints, or the message of its error, is
/// followed by a line "= CODE". Returns 0 at the end of the input.
inline int serve(const std::function<int(const std::vector<std::string>&)>& run) {
  for (std::string line; std::getline(std::cin, line);) {
    int code = 1;
    try {
      code = run(parse_json(line).get<std::vector<std::string>>());
    } catch (const std::exception& error) {
      fmt::print("{}\n", error.what());
    }
    fmt::print("= {}\n", code);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace tradeoff
