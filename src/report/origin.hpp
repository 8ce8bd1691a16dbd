#pragma once
#include <string>
#include <string_view>

namespace tradeoff::report {

/// What the origin's report published for one arm.
struct OriginArm {
  std::string_view arm;
  int spider = 0;                                     // of 200
  int stem = 0, humanities = 0, social_sciences = 0;  // of 50 each
};
/// nullptr for an arm that the origin did not have.
const OriginArm* origin_arm(const std::string& arm);

}  // namespace tradeoff::report
