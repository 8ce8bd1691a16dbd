#pragma once
#include <string>
#include <string_view>

#include "tradeoff/task/kind.hpp"

namespace tradeoff::report {

/// What the origin's report published for one arm.
struct OriginArm {
  std::string_view arm;
  int sql = 0;                                        // of 200
  int stem = 0, humanities = 0, social_sciences = 0;  // of 50 each
};
/// nullptr for an arm that the origin did not have.
const OriginArm* origin_arm(const std::string& arm);
/// What a table shows of it beside our own figures; empty for such an arm.
std::string origin_cell(const std::string& arm, task::Kind kind);

}  // namespace tradeoff::report
