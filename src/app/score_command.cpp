#include "all_commands.hpp"
#include "score.hpp"

namespace tradeoff::app {

// Scoring is one process' work; the other ranks of a launcher wait for it at the end of MPI.
Work parse_score(Words words) {
  auto work = score_of(words);
  if (!work) return {};
  return {[work](const comm::Session& session) {
    if (session.rank() == 0) work();
    return kComplete;
  }};
}

}  // namespace tradeoff::app
