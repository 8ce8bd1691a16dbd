#include <gtest/gtest.h>

#include <exception>
#include <string>

#include "main_mpi.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/comm/session.hpp"

namespace {

// A rank that fails alone would leave the others waiting in a collective call until the time limit.
class EndAllRanksAtFailure : public testing::EmptyTestEventListener {
 public:
  explicit EndAllRanksAtFailure(const tradeoff::comm::Session& session) : session_(session) {}
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    const auto* file = result.file_name() ? result.file_name() : "?";
    session_.abort(1, std::string(file) + ":" + std::to_string(result.line_number()) + ": " +
                          result.summary());
  }

 private:
  const tradeoff::comm::Session& session_;
};

}  // namespace

namespace tradeoff::comm {
const Session* test_session = nullptr;
}  // namespace tradeoff::comm

int main(int argc, char** argv) {
  tradeoff::comm::Session session;
  tradeoff::comm::test_session = &session;
  testing::InitGoogleTest(&argc, argv);
  GTEST_FLAG_SET(catch_exceptions, false);
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  if (session.rank() != 0) delete listeners.Release(listeners.default_result_printer());
  if (session.size() > 1) listeners.Append(new EndAllRanksAtFailure(session));
  try {
    const int result = RUN_ALL_TESTS();
    return tradeoff::comm::any(session, result != 0) ? 1 : 0;
  } catch (const std::exception& error) {
    session.abort(1, error.what());
  }
}
