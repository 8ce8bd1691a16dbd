#include "tradeoff/sql/execute.hpp"

#include <gtest/gtest.h>

namespace tradeoff::sql {
namespace {

const std::filesystem::path kDatabases =
    std::filesystem::path(TRADEOFF_SOURCE_DIR) / "jobs/data/spider/database";

TEST(Execute, runs_a_query) {
  Executor executor;
  const Result result = executor.run(kDatabases / "concert_singer/concert_singer.sqlite",
                                     "SELECT count(*) FROM singer");
  ASSERT_EQ(result.outcome, Outcome::ok) << result.message;
  ASSERT_EQ(result.rows.size(), 1u);
}

}  // namespace
}  // namespace tradeoff::sql
