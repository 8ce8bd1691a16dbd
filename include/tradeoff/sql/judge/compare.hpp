#pragma once
#include "tradeoff/sql/sandbox/value.hpp"

namespace tradeoff::sql {

enum class RowOrder { free, fixed };

/// Whether the sets of rows are equal (duplicates and order do not count, columns by
/// position). Two empty results are equal whatever their columns.
bool equal_as_sets(const Rows& gold, const Rows& prediction);

/// Equal bags of rows, or equal lists where the order is fixed; columns by position.
bool equal_strictly(const Rows& gold, const Rows& prediction, RowOrder order);

/// The test-suite evaluator's rule (Zhong et al., EMNLP 2020): some order of the prediction's
/// columns makes the rows equal as lists or as bags. Differs from its code in one defect: rows that
/// mix integers and reals are compared by value there too. The search stops, unequal, after
/// kMaxSearchCells cells (about a tenth of a second), which no table of a real query reaches.
bool equal_up_to_columns(const Rows& gold, const Rows& prediction, RowOrder order);
inline constexpr std::size_t kMaxSearchCells = 20'000'000;

/// BIRD's soft F1 made free of row order: duplicate rows dropped, gold and predicted rows paired so
/// that they share many cells (each gold row with at most one), a pair counts its shared cells as
/// hits and the others as misses, all divided by the gold's columns. 1 when both are empty.
double soft_f1(const Rows& gold, const Rows& prediction);

}  // namespace tradeoff::sql
