#pragma once
#include <gtest/gtest.h>

#include <string_view>

#include "tradeoff/task/extract.hpp"

namespace tradeoff::task {

using Found = Extracted::Found;

/// An answer, and the statement that is found in it.
struct Case {
  const char* answer;
  const char* sql;
};

inline void expect_sql(const Case& c) {
  const Extracted found = extract_sql(c.answer);
  EXPECT_EQ(found.sql, c.sql) << "in: " << c.answer;
  EXPECT_EQ(found.found, Found::statement) << "in: " << c.answer;
}

}  // namespace tradeoff::task
