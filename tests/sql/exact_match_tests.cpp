#include "tradeoff/sql/match/exact_match.hpp"

#include <gtest/gtest.h>

#include <map>

#include "spider_files.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff::sql {
namespace {

// From tables.json alone: what an outsider of the sandbox would use.
const MatchSchema& schema_of(const std::string& db_id) {
  static const Schemas schemas(kSpider / "tables.json");
  static std::map<std::string, MatchSchema> made;
  return made.try_emplace(db_id, *schemas.find(db_id)).first->second;
}

MatchScore match(const std::string& gold, const std::string& prediction) {
  const MatchSchema& schema = schema_of("concert_singer");
  const auto parsed = MatchQuery::parse(schema, prediction);
  return exact_match(schema, MatchQuery::parse(schema, gold).value(),
                     parsed ? *parsed : MatchQuery::nothing());
}

// The names of the parts that are wrong, in the table's order.
std::string wrong_parts(const MatchScore& score) {
  std::string names;
  for (std::size_t i = 0; i < kComponents; ++i)
    if (!score.parts[i].right)
      names += (names.empty() ? "" : ", ") + std::string(name_of(static_cast<Component>(i)));
  return names;
}

TEST(ExactMatch, all_dev_golds_match_themselves_and_have_the_published_levels) {
  std::map<std::string, int> levels;
  int matched = 0;
  for (const GoldLine& gold : dev_golds()) {
    const auto query = MatchQuery::parse(schema_of(gold.db_id), gold.sql);
    ASSERT_TRUE(query.has_value()) << gold.sql;
    ++levels[query->hardness()];
    matched += exact_match(schema_of(gold.db_id), *query, *query).exact;
  }
  EXPECT_EQ(matched, 1034);
  EXPECT_EQ(levels, (std::map<std::string, int>{
                        {"easy", 248}, {"medium", 446}, {"hard", 174}, {"extra", 166}}));
}

struct PartCase {
  const char *gold, *prediction, *wrong;
};

TEST(ExactMatch, tells_which_parts_are_wrong) {
  for (const PartCase& item : std::initializer_list<PartCase>{
           {"SELECT name, age FROM singer", "SELECT age, name FROM singer", ""},
           {"SELECT name FROM singer", "SELECT Name FROM Singer AS T1", ""},
           {"SELECT name FROM singer", "SELECT DISTINCT name FROM singer", ""},
           {"SELECT name FROM singer WHERE age > 20", "SELECT name FROM singer WHERE age > 90", ""},
           {"SELECT max(age) FROM singer", "SELECT min(age) FROM singer", "select"},
           {"SELECT name FROM singer", "SELECT age FROM singer", "select, select(no AGG)"},
           {"SELECT name FROM singer WHERE age > 20", "SELECT name FROM singer WHERE age < 20",
            "where"},
           {"SELECT name FROM singer WHERE age > 20", "SELECT name FROM singer",
            "where, where(no OP), keywords"},
           {"SELECT name FROM singer WHERE age > 1 AND age < 2",
            "SELECT name FROM singer WHERE age > 1 OR age < 2", "and/or, keywords"},
           {"SELECT count(*) FROM singer GROUP BY age HAVING count(*) > 1",
            "SELECT count(*) FROM singer GROUP BY age HAVING count(*) < 1", "group"},
           {"SELECT count(*) FROM singer GROUP BY age", "SELECT count(*) FROM singer GROUP BY name",
            "group(no Having), group"},
           {"SELECT name FROM singer ORDER BY age", "SELECT name FROM singer ORDER BY age DESC",
            "order, keywords"},
           {"SELECT name FROM singer ORDER BY age LIMIT 1",
            "SELECT name FROM singer ORDER BY age LIMIT 3", ""},
           {"SELECT name FROM singer UNION SELECT name FROM stadium",
            "SELECT name FROM singer EXCEPT SELECT name FROM stadium", "IUEN, keywords"},
           {"SELECT name FROM singer WHERE name LIKE 'a'",
            "SELECT name FROM singer WHERE name NOT LIKE 'a'", "where, keywords"},
           {"SELECT name FROM singer", "not SQL at all", "select, select(no AGG)"}}) {
    const MatchScore score = match(item.gold, item.prediction);
    EXPECT_EQ(wrong_parts(score), item.wrong) << item.gold << " | " << item.prediction;
    EXPECT_EQ(score.exact, std::string_view(item.wrong).empty()) << item.prediction;
  }
}

TEST(ExactMatch, columns_of_a_foreign_key_are_one_and_other_tables_are_not) {
  const char* gold =
      "SELECT T2.concert_id FROM singer_in_concert AS T1 JOIN concert AS T2 ON T1.concert_id = "
      "T2.concert_id";
  EXPECT_TRUE(match(gold,
                    "SELECT T1.concert_id FROM singer_in_concert AS T1 JOIN concert AS T2 ON "
                    "T1.concert_id = T2.concert_id")
                  .exact);
  // All parts are right, the tables are not.
  const MatchScore alone = match("SELECT count(*) FROM singer", "SELECT count(*) FROM stadium");
  EXPECT_EQ(wrong_parts(alone), "");
  EXPECT_FALSE(alone.exact);
}

TEST(ExactMatch, what_the_grammar_does_not_cover_is_no_query) {
  const MatchSchema& schema = schema_of("concert_singer");
  for (const char* sql :
       {"", "SELECT", "SELECT nosuch FROM singer", "SELECT name FROM nosuch",
        "SELECT 'a FROM singer", "((((", "SELECT CASE WHEN 1 THEN 2 END FROM singer"})
    EXPECT_FALSE(MatchQuery::parse(schema, sql).has_value()) << sql;
  EXPECT_FALSE(MatchQuery::parse(schema, std::string(100'000, '(')).has_value());
  std::string nested = "SELECT name FROM singer";
  for (int i = 0; i < 3'000; ++i) nested = "SELECT name FROM singer WHERE name IN (" + nested + ")";
  // Covered or not, it ends.
  MatchQuery::parse(schema, nested);
}

}  // namespace
}  // namespace tradeoff::sql
