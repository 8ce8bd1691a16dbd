// The commands of the light program as commands of this one: one process' work, for whose end the
// other ranks of a launcher wait.
#include "all_commands.hpp"
#include "tradeoff/front/commands.hpp"

namespace tradeoff::app {
namespace {

Work on_rank_0(std::function<int()> work) {
  if (!work) return {};
  return {[work = std::move(work)](const comm::Session& session) {
    return session.rank() == 0 ? work() : front::kComplete;
  }};
}

}  // namespace

Work parse_compare(Words words) {
  return on_rank_0(front::compare_of(words));
}

Work parse_plan(Words words) {
  return on_rank_0(front::plan_of(words));
}

Work parse_report(Words words) {
  return on_rank_0(front::report_of(words));
}

Work parse_score(Words words) {
  return on_rank_0(front::score_of(words));
}

Work parse_status(Words words) {
  return on_rank_0(front::status_of(words));
}

}  // namespace tradeoff::app
