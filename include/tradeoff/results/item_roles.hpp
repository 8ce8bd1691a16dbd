#pragma once
#include "tradeoff/store/item_columns.hpp"
#include "tradeoff/task/kind.hpp"

namespace tradeoff::results {

/// Columns of /items/<task> in which every task of a kind keeps the same thing.
struct ItemRoles {
  // What a question belongs to, and a coarser group.
  store::ItemColumn<store::Strings> cluster, level;
  // The right answer.
  store::ItemColumn<store::Strings> gold;
};

constexpr ItemRoles roles_of(task::Kind kind) {
  using namespace store::item_column;
  if (kind == task::Kind::sql) return {kDatabase, kHardness, kQuery};
  return {kSubject, kGroup, kRightChoice};
}

}  // namespace tradeoff::results
