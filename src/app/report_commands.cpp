#include "all_commands.hpp"
#include "reports.hpp"

namespace tradeoff::app {
namespace {

// One process' work; the other ranks of a launcher wait for it at the end of MPI.
Work on_rank_0(std::function<void()> work) {
  if (!work) return {};
  return {[work = std::move(work)](const comm::Session& session) {
    if (session.rank() == 0) work();
    return kComplete;
  }};
}

}  // namespace

Work parse_report(Words words) {
  return on_rank_0(report_of(words));
}

Work parse_plan(Words words) {
  return on_rank_0(plan_of(words));
}

Work parse_status(Words words) {
  auto work = status_of(words);
  if (!work) return {};
  return {[work = std::move(work)](const comm::Session& session) {
    return session.rank() == 0 ? work() : kComplete;
  }};
}

Work parse_compare(Words words) {
  return on_rank_0(compare_of(words));
}

}  // namespace tradeoff::app
