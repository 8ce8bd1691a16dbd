#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "cpu/kernels.hpp"

/// How the CPU's matrix products are packed and split over threads.
namespace tradeoff::model {

/// Throws Error unless the dtype is float32 or bfloat16.
cpu::Storage storage_of(c10::ScalarType dtype);

/// Panels of `columns` output columns; those of a gated pair hold half as many, of each of the two.
std::int64_t panel_count(std::int64_t columns, bool gated);

/// Panels of w [n, k], or of the pair w and up with columns that alternate; all contiguous on the
/// CPU.
at::Tensor pack_panels(const at::Tensor& w, const at::Tensor& up = {});

/// Runs the product over `rows` rows. Everything in `args` is set; args.n counts output columns.
void run_product(const cpu::GemmArgs& args, std::int64_t rows);

}  // namespace tradeoff::model
