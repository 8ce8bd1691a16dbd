#include <fmt/format.h>

#include <algorithm>

#include "grids.hpp"
#include "origin.hpp"

namespace tradeoff::report {
namespace {

// Tables II and III of the origin's report: right answers of 200 and of 3 x 50 questions.
constexpr OriginArm kOrigin[] = {
    {"base", 104, 17, 17, 32}, {"qlora-50", 103, 20, 17, 30}, {"qlora-200", 102, 21, 22, 28}};

}  // namespace

const OriginArm* origin_arm(const std::string& arm) {
  const auto found = std::ranges::find(kOrigin, arm, &OriginArm::arm);
  return found == std::end(kOrigin) ? nullptr : &*found;
}

std::string origin_cell(const std::string& arm, task::Kind kind) {
  const OriginArm* o = origin_arm(arm);
  if (!o) return "";
  if (kind == task::Kind::sql) return fmt::format("{:.1f} % ({}/200)", o->sql / 2.0, o->sql);
  return fmt::format("{:.1f} % ({}/{}/{} of 50)",
                     (o->stem + o->humanities + o->social_sciences) / 1.5, o->stem, o->humanities,
                     o->social_sciences);
}

bool is_origin_study(const Analysis& analysis) {
  return (analysis.name == "report" || analysis.name == "report-512") &&
         std::ranges::all_of(kOrigin, [&](const OriginArm& o) {
           return std::ranges::find(analysis.arms, o.arm) != analysis.arms.end();
         });
}

std::string origin_sentence() {
  return "The column `origin` has what the study that this one repeats published: "
         "Llama-3-8B-Instruct in 4 bits, one run each, on its own draw "
         "of 200 and 150 questions with prompts cut at 512 tokens; this study has its own model, "
         "draw and prompts, and part of its databases' rows are generated. The two stand side by "
         "side for orientation and cannot be compared.";
}

}  // namespace tradeoff::report
