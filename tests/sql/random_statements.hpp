#pragma once
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tradeoff/sql/schema/schema.hpp"

namespace tradeoff::sql {

/// Statements drawn from a grammar of SQLite over one schema; some are then damaged by tokens or by
/// bytes. The same seed gives the same statements.
class RandomStatements {
 public:
  RandomStatements(const Schema& schema, std::uint64_t seed) : schema_(schema), random_(seed) {}
  std::string next();

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }
  template <std::size_t n>
  std::string one_of(const char* const (&words)[n]) {
    return words[below(n)];
  }

  std::string joined(const std::string& alias);
  std::string column();
  std::string literal();
  std::string expression(int depth);
  std::string condition(int depth);
  std::string source(int depth);
  std::string select(int depth);
  std::string query(int depth);
  std::string damaged(std::string text);

  const Schema& schema_;
  // The tables of the SELECT being written and their aliases.
  std::vector<std::pair<int, std::string>> scope_;
  std::mt19937_64 random_;
};

}  // namespace tradeoff::sql
