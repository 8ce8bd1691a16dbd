#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "tradeoff/quant/nf4.hpp"

namespace tradeoff::quant {
namespace {

const at::Device kCuda(at::kCUDA);

bool same_bytes(const at::Tensor& on_cuda, const at::Tensor& on_cpu) {
  const at::Tensor copy = on_cuda.cpu();
  return copy.scalar_type() == on_cpu.scalar_type() && copy.sizes() == on_cpu.sizes() &&
         std::memcmp(copy.const_data_ptr(), on_cpu.const_data_ptr(), copy.nbytes()) == 0;
}

// Sizes with whole and partial blocks, odd counts, and more than one CUDA block.
const std::vector<std::vector<std::int64_t>> kShapes = {{1},       {63},        {64},        {7, 9},
                                                        {65, 129}, {576, 1536}, {1000, 4099}};

TEST(Nf4Cuda, quantise_gives_the_bytes_of_the_cpu) {
  for (const auto& shape : kShapes) {
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
      for (const bool double_quant : {true, false}) {
        const at::Tensor values = at::randn(shape).to(dtype);
        values.view(-1).slice(0, 0, 64).zero_();
        const Nf4Weight cpu = quantise(values, {.double_quant = double_quant});
        const Nf4Weight cuda = quantise(values.to(kCuda), {.double_quant = double_quant});
        EXPECT_TRUE(same_bytes(cuda.packed, cpu.packed)) << values.sizes() << " " << dtype;
        EXPECT_TRUE(same_bytes(cuda.absmax, cpu.absmax)) << values.sizes() << " " << dtype;
        EXPECT_EQ(cuda.nested_offset, cpu.nested_offset);
        ASSERT_EQ(cuda.nested(), double_quant);
        if (double_quant) {
          EXPECT_TRUE(same_bytes(cuda.nested_absmax, cpu.nested_absmax));
        }
      }
    }
  }
}

TEST(Nf4Cuda, dequantise_gives_the_values_of_the_cpu) {
  for (const auto& shape : kShapes) {
    for (const bool double_quant : {true, false}) {
      for (const int blocksize : {32, 64, 4096}) {
        const Nf4Weight weight =
            quantise(at::randn(shape), {.blocksize = blocksize, .double_quant = double_quant});
        const Nf4Weight on_cuda = weight.to(kCuda);
        for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
          const at::Tensor out = at::empty(shape, at::TensorOptions(kCuda).dtype(dtype));
          const at::Tensor expected = at::empty(shape, dtype);
          dequantise(on_cuda, out);
          dequantise(weight, expected);
          EXPECT_TRUE(same_bytes(out, expected)) << expected.sizes() << " " << dtype;
        }
      }
    }
  }
}

TEST(Nf4Cuda, an_unaligned_part_of_a_larger_output_is_written_and_nothing_else) {
  const Nf4Weight weight = quantise(at::randn({70, 64}));
  const at::Tensor around = at::zeros({70 * 64 + 2}, at::TensorOptions(kCuda).dtype(at::kBFloat16));
  dequantise(weight.to(kCuda), around.slice(0, 1, 70 * 64 + 1).view({70, 64}));
  const at::Tensor expected = at::zeros({70 * 64 + 2}, at::kBFloat16);
  dequantise(weight, expected.slice(0, 1, 70 * 64 + 1).view({70, 64}));
  EXPECT_TRUE(same_bytes(around, expected));
}

TEST(Nf4Cuda, rows_that_lie_apart_get_the_same_values_and_nothing_between_them_changes) {
  for (const std::int64_t columns : {64, 120}) {  // 120: blocks go over the ends of rows
    const Nf4Weight weight = quantise(at::randn({96, columns}));
    const at::Tensor dense = at::empty({96, columns}, at::kBFloat16);
    dequantise(weight, dense);
    for (const std::int64_t gap : {16, 3}) {  // 3: rows that are not aligned
      const at::Tensor wide =
          at::zeros({96, columns + gap}, at::TensorOptions(kCuda).dtype(at::kBFloat16));
      dequantise(weight.to(kCuda), wide.narrow(1, 0, columns));
      const at::Tensor expected = at::zeros({96, columns + gap}, at::kBFloat16);
      expected.narrow(1, 0, columns).copy_(dense);
      EXPECT_TRUE(same_bytes(wide, expected)) << columns << ", " << gap;
    }
  }
}

TEST(Nf4Cuda, nan_and_infinity_spread_as_on_the_cpu) {
  const at::Tensor values = at::randn({300});
  values[5] = INFINITY;
  values[70] = NAN;
  values[290] = -INFINITY;
  const Nf4Weight cpu = quantise(values, {.double_quant = false});
  const Nf4Weight cuda = quantise(values.to(kCuda), {.double_quant = false});
  EXPECT_TRUE(same_bytes(cuda.packed, cpu.packed));
  EXPECT_TRUE(same_bytes(dequantise(cuda).nan_to_num(-1), dequantise(cpu).nan_to_num(-1)));
}

// Root of the mean squared error over that of the values themselves.
double relative_error(const at::Tensor& values, const at::Tensor& exact) {
  return values.cpu().to(at::kDouble).sub(exact).norm().div(exact.norm()).item().toDouble();
}

TEST(Nf4Product, is_as_near_to_exact_as_the_product_of_dequantised_weights) {
  struct Case {
    std::int64_t in;
    std::vector<std::int64_t> rows;
    bool nested, bias;
  };
  const std::vector<Case> cases = {{64, {32}, true, false},
                                   {192, {96, 32, 64}, true, true},
                                   {896, {128, 64}, false, true},
                                   {4096, {1024}, true, false},
                                   // More rows than one tile for each of a card's processors.
                                   {128, {17408, 64}, true, true},
                                   // Of each kind of spreading over a cluster's blocks, with rows
                                   // that are no whole tile.
                                   {2048, {6176, 1024, 1024}, false, true},
                                   {14336, {4096}, false, false},
                                   {8960, {1536}, false, false}};
  for (const Case& c : cases) {
    std::vector<Nf4Weight> parts;
    std::vector<at::Tensor> dense, half;
    for (const std::int64_t rows : c.rows) {
      const Nf4Weight weight =
          quantise(at::randn({rows, c.in}).mul(0.02), {.double_quant = c.nested});
      parts.push_back(weight.to(kCuda));
      dense.push_back(dequantise(weight).to(at::kDouble));
      half.push_back(at::empty({rows, c.in}, at::TensorOptions(kCuda).dtype(at::kBFloat16)));
      dequantise(parts.back(), half.back());
    }
    const at::Tensor all = at::cat(half);
    const at::Tensor bias =
        c.bias ? at::randn({all.size(0)}).to(at::kBFloat16).to(kCuda) : at::Tensor();
    for (const std::int64_t rows : {1, 3, 8, 9, 16, 17, 32, 50, 64}) {
      const at::Tensor x = at::randn({rows, c.in}).to(at::kBFloat16).to(kCuda);
      ASSERT_TRUE(takes_product(parts, x));
      at::Tensor exact = x.cpu().to(at::kDouble).mm(at::cat(dense).t());
      if (c.bias) exact.add_(bias.cpu().to(at::kDouble));
      const at::Tensor own = product(parts, x, bias);
      const at::Tensor usual = c.bias ? at::linear(x, all, bias) : at::linear(x, all);
      EXPECT_LT(relative_error(own, exact), 1.2 * relative_error(usual, exact))
          << c.in << ", " << rows << " rows";
      // The other rows do not matter.
      at::Tensor others = at::randn_like(x);
      others[rows / 2].copy_(x[rows / 2]);
      EXPECT_TRUE(same_bytes(product(parts, others, bias)[rows / 2], own[rows / 2].cpu())) << rows;
      std::vector<Nf4Weight> plain;
      for (const Nf4Weight& part : parts) plain.push_back(without_nesting(part));
      const at::Tensor without = product(plain, x, bias);
      EXPECT_TRUE(same_bytes(product(plain, others, bias)[rows / 2], without[rows / 2].cpu()))
          << rows;
      EXPECT_LT(relative_error(without, exact), 1.2 * relative_error(usual, exact)) << rows;
      EXPECT_TRUE(same_bytes(product(plain, x, bias), without.cpu())) << "not the same twice";
      // Nested scales are read by the kernel for few rows alone.
      if (rows <= 8) EXPECT_TRUE(same_bytes(without, own.cpu())) << rows;
      const at::Tensor residual = at::randn_like(own);
      exact.add_(residual.cpu().to(at::kDouble));
      EXPECT_LT(relative_error(product(parts, x, bias, residual), exact), 5e-3);
    }
  }
}

TEST(Nf4Product, takes_whole_blocks_of_few_bfloat16_rows_alone) {
  const auto takes = [](std::vector<std::int64_t> shape, int blocksize, std::int64_t rows,
                        at::ScalarType dtype) {
    const std::vector<Nf4Weight> parts = {
        quantise(at::randn(shape), {.blocksize = blocksize}).to(kCuda)};
    return takes_product(parts,
                         at::zeros({rows, shape.back()}, at::TensorOptions(kCuda).dtype(dtype)));
  };
  EXPECT_TRUE(takes({64, 128}, 64, 1, at::kBFloat16));
  EXPECT_FALSE(takes({64, 128}, 128, 1, at::kBFloat16));
  EXPECT_FALSE(takes({48, 128}, 64, 1, at::kBFloat16));
  EXPECT_FALSE(takes({64, 96}, 64, 1, at::kBFloat16));
  EXPECT_FALSE(takes({64, 128}, 64, kMostProductRows + 1, at::kBFloat16));
  EXPECT_FALSE(takes({64, 128}, 64, 1, at::kFloat));
}

}  // namespace
}  // namespace tradeoff::quant
