#pragma once
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>

#include "threads.hpp"

namespace tradeoff::model {

/// Rows of one task; no result depends on it, since rows are computed one by one.
inline constexpr std::int64_t kRowsPerTask = 64;

/// Runs work(begin, end) over rows [0, rows) on the rank's threads, in pieces of kRowsPerTask.
template <typename Work>
void for_each_rows(std::int64_t rows, const Work& work) {
  for_each_task((rows + kRowsPerTask - 1) / kRowsPerTask, [&](std::int64_t task) {
    work(task * kRowsPerTask, std::min(rows, (task + 1) * kRowsPerTask));
  });
}

/// Where row `row` of x, [rows, ...], begins.
inline const char* at_row(const at::Tensor& x, std::int64_t row) {
  return static_cast<const char*>(x.const_data_ptr()) + row * x.stride(0) * x.element_size();
}
inline char* at_row(at::Tensor& x, std::int64_t row) {
  return static_cast<char*>(x.mutable_data_ptr()) + row * x.stride(0) * x.element_size();
}

}  // namespace tradeoff::model
