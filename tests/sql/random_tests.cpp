#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>

#include "../slow_build.hpp"
#include "random_statements.hpp"
#include "spider_files.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/sql/judge/score.hpp"

namespace tradeoff::sql {
namespace {

// Whole verdicts, so that the texts also go through the parser of exact match, the rules of the
// official evaluators and the error classes. TRADEOFF_RANDOM_STATEMENTS says how many (100,000;
// slow builds 5,000).
TEST(RandomStatements, neither_the_program_nor_a_worker_dies) {
  const char* wanted = std::getenv("TRADEOFF_RANDOM_STATEMENTS");
  const int count = wanted ? std::atoi(wanted) : kSlowBuild ? 5'000 : 100'000;
  ASSERT_GT(count, 0);
  ScoreOptions options;
  options.execute.max_steps = 30'000;
  options.execute.max_rows = 20'000;
  options.execute.max_bytes = 4 << 20;
  options.execute.timeout_s = 30;
  Scorer scorer(kSpider / "database", kSpider / "tables.json", options);
  std::map<std::string, GoldLine> golds;
  for (GoldLine& gold : dev_golds()) golds.try_emplace(gold.db_id, gold);
  ASSERT_EQ(golds.size(), 20u);
  std::map<std::string, std::string> hashes;
  for (const auto& [db_id, gold] : golds) hashes[db_id] = sha256_file(scorer.databases(db_id)[0]);

  std::map<std::string, int> outcomes;
  int done = 0;
  for (const auto& [db_id, gold] : golds) {
    RandomStatements statements(*scorer.schemas().find(db_id), std::hash<std::string>{}(db_id));
    for (; done < count * (1 + std::distance(golds.begin(), golds.find(db_id))) / 20; ++done) {
      const std::string sql = statements.next();
      const Verdict verdict = scorer.score(db_id, gold.sql, sql);
      ++outcomes[std::string(name_of(verdict.outcome))];
      ASSERT_NE(name_of(verdict.outcome), "crashed") << sql;
      ASSERT_NE(name_of(verdict.outcome), "gold_error") << verdict.message << " after " << sql;
      ASSERT_TRUE(verdict.exec.has_value() && verdict.match.has_value());
      ASSERT_EQ(*verdict.exec, verdict.error_class.empty()) << sql;
    }
  }
  EXPECT_EQ(done, count);
  for (const auto& [outcome, rows] : outcomes) std::cout << outcome << " " << rows << "\n";
  // A grammar that gave only errors would test little.
  EXPECT_GT(outcomes["ok"], count / 20);
  EXPECT_GT(outcomes["sql_error"], count / 20);
  for (const auto& [db_id, hash] : hashes)
    EXPECT_EQ(sha256_file(scorer.databases(db_id)[0]), hash) << db_id;
}

}  // namespace
}  // namespace tradeoff::sql
