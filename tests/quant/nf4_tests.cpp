#include "tradeoff/quant/nf4.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "double_quant.hpp"
#include "nf4_kernels.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/seed.hpp"

namespace tradeoff::quant {
namespace {

constexpr at::ScalarType kDtypes[] = {at::kFloat, at::kBFloat16, at::kHalf};

at::Tensor tensor_of(const std::vector<float>& values) {
  const at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::kFloat);
  std::memcpy(tensor.mutable_data_ptr(), values.data(), tensor.nbytes());
  return tensor;
}

// Values of many magnitudes, with zero blocks, infinities and NaN.
at::Tensor awkward(std::int64_t count) {
  SeedStream stream(1, "nf4_tests");
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) {
    const double magnitude = std::exp2(static_cast<double>(i / 64 % 40) - 20);
    values.push_back(static_cast<float>((stream.uniform() - 0.5) * magnitude));
    if (i / 64 % 7 == 3) values.back() = 0;
    if (i % 1013 == 1000) values.back() = i % 2 ? INFINITY : -INFINITY;
    if (i % 2027 == 2000) values.back() = NAN;
  }
  return tensor_of(values);
}

at::Tensor ramp(std::vector<std::int64_t> shape) {
  std::int64_t count = 1;
  for (const auto size : shape) count *= size;
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(std::sin(static_cast<float>(i)));
  return tensor_of(values).reshape(shape);
}

bool same_bytes(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
         std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

std::string failure(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Nf4, a_tie_with_a_threshold_takes_the_lower_code) {
  for (std::size_t i = 0; i < kNf4Thresholds.size(); ++i) {
    std::vector<float> values(64, 0.0f);
    values[0] = 1;
    values[1] = kNf4Thresholds[i];
    values[2] = std::nextafter(values[1], 2.0f);
    values[3] = std::nextafter(values[1], -2.0f);
    const Nf4Weight weight = quantise(tensor_of(values), {.double_quant = false});
    const auto* packed = weight.packed.const_data_ptr<std::uint8_t>();
    EXPECT_EQ(packed[0], 15 << 4 | i);
    EXPECT_EQ(packed[1], (i + 1) << 4 | i);
    EXPECT_EQ(packed[2], 0x77);
  }
}

TEST(Nf4, the_sixteen_values_survive_a_round_trip) {
  std::vector<float> values(kNf4.begin(), kNf4.end());
  values.resize(64);
  const at::Tensor weight = tensor_of(values).reshape({8, 8});
  EXPECT_TRUE(at::equal(dequantise(quantise(weight, {.double_quant = false})), weight));
}

TEST(Nf4, one_value_is_a_partial_block_of_its_own) {
  const Nf4Weight weight = quantise(tensor_of({-3}).reshape({1, 1}));
  EXPECT_EQ(weight.packed.sizes(), at::IntArrayRef({1, 1}));
  EXPECT_EQ(*weight.packed.const_data_ptr<std::uint8_t>(), 0x07);
  EXPECT_EQ(weight.nested_offset, 3);
  EXPECT_EQ(dequantise(weight).item<float>(), -3);
}

TEST(Nf4, zeros_stay_zeros_and_a_partial_zero_block_keeps_the_floor) {
  const Nf4Weight weight = quantise(at::zeros({100}), {.double_quant = false});
  EXPECT_EQ(weight.absmax.const_data_ptr<float>()[0], 0.0f);
  EXPECT_EQ(weight.absmax.const_data_ptr<float>()[1], kMinAbsmax);
  EXPECT_TRUE(at::equal(dequantise(weight), at::zeros({100})));
}

TEST(Nf4, a_strided_weight_is_read_in_row_major_order) {
  const at::Tensor weight = ramp({96, 70}).t();
  const Nf4Weight strided = quantise(weight), dense = quantise(weight.contiguous());
  EXPECT_EQ(strided.shape, (std::vector<std::int64_t>{70, 96}));
  EXPECT_TRUE(same_bytes(strided.packed, dense.packed));
}

TEST(Nf4, double_quantisation_takes_an_eighth_of_absmax) {
  const Nf4Weight plain = quantise(ramp({256, 64}), {.double_quant = false});
  const Nf4Weight nested = quantise(ramp({256, 64}));
  EXPECT_EQ(plain.bytes(), 8192 + 256 * 4 + 64);
  EXPECT_EQ(nested.bytes(), 8192 + 256 + 4 + 1024 + 64);
  EXPECT_FALSE(plain.nested());
  EXPECT_TRUE(nested.nested());
}

TEST(Nf4, the_dynamic_map_has_256_ascending_values_with_zero_and_one) {
  const auto map = dynamic_map();
  for (std::size_t i = 1; i < map.size(); ++i) EXPECT_LT(map[i - 1], map[i]);
  EXPECT_EQ(map[0], -0.992968738079071f);
  EXPECT_EQ(map[127], 0.0f);
  EXPECT_EQ(map[255], 1.0f);
}

TEST(Nf4, every_instruction_set_gives_the_same_bytes) {
  std::vector<Isa> instruction_sets = {Isa::avx2, Isa::avx512};
  std::erase_if(instruction_sets, [](Isa isa) { return isa > best_isa(); });
  for (const at::ScalarType dtype : kDtypes) {
    const at::Tensor values = awkward(64 * 700 + 41).to(dtype);
    for (const int blocksize : {32, 64, 256, 4096}) {
      const std::int64_t blocks = (values.numel() + blocksize - 1) / blocksize;
      const auto run = [&](Isa isa) {
        std::pair result{at::zeros({(values.numel() + 1) / 2}, at::kByte), at::zeros({blocks})};
        quantise_cpu({values.const_data_ptr(), dtype, values.numel(), blocksize,
                      result.first.mutable_data_ptr<std::uint8_t>(),
                      result.second.mutable_data_ptr<float>()},
                     isa);
        return result;
      };
      const auto [packed, absmax] = run(Isa::scalar);
      for (const Isa isa : instruction_sets) {
        const auto [vector_packed, vector_absmax] = run(isa);
        EXPECT_TRUE(same_bytes(packed, vector_packed)) << dtype << " in blocks of " << blocksize;
        EXPECT_TRUE(same_bytes(absmax.nan_to_num(-1), vector_absmax.nan_to_num(-1)));
      }

      Nf4View view{packed.const_data_ptr<std::uint8_t>(), values.numel(), blocksize, {}};
      view.absmax.values = absmax.const_data_ptr<float>();
      for (const at::ScalarType out_dtype : kDtypes) {
        const auto values_by = [&](Isa isa) {
          const at::Tensor out = at::zeros_like(values, out_dtype);
          dequantise_cpu(view, out_dtype, out.mutable_data_ptr(), isa);
          return out;
        };
        const at::Tensor expected = values_by(Isa::scalar);
        EXPECT_GT(expected.isnan().sum().item<std::int64_t>(), 0);
        for (const Isa isa : instruction_sets) {
          EXPECT_TRUE(same_bytes(values_by(isa).nan_to_num(-1), expected.nan_to_num(-1)))
              << dtype << " to " << out_dtype << " in blocks of " << blocksize;
        }
      }
    }
  }
}

TEST(Nf4, the_number_of_threads_changes_no_byte) {
  const int threads = at::get_num_threads();
  // 262,144 blocks: enough for PyTorch to split a sum in eight, of values whose sum rounds.
  const at::Tensor values = ramp({8192, 1024});
  std::vector<std::pair<Nf4Weight, at::Tensor>> runs;
  for (const int count : {1, 2, 3, 8}) {
    at::set_num_threads(count);
    const Nf4Weight weight = quantise(values, {.blocksize = 32});
    runs.emplace_back(weight, dequantise(weight));
  }
  at::set_num_threads(threads);
  for (const auto& [weight, out] : runs) {
    EXPECT_TRUE(same_bytes(weight.packed, runs[0].first.packed));
    EXPECT_TRUE(same_bytes(weight.absmax, runs[0].first.absmax));
    EXPECT_EQ(weight.nested_offset, runs[0].first.nested_offset);
    EXPECT_TRUE(same_bytes(out, runs[0].second));
  }
}

TEST(Nf4, an_unaligned_part_of_a_larger_output_is_written_and_nothing_else) {
  const Nf4Weight weight = quantise(ramp({70, 64}));
  const at::Tensor around = at::zeros({70 * 64 + 2}, at::kBFloat16);
  dequantise(weight, around.slice(0, 1, 70 * 64 + 1).view({70, 64}));
  const at::Tensor alone = at::empty({70, 64}, at::kBFloat16);
  dequantise(weight, alone);
  EXPECT_TRUE(at::equal(around.slice(0, 1, 70 * 64 + 1), alone.flatten()));
  EXPECT_EQ(around[0].item<float>(), 0);
  EXPECT_EQ(around[70 * 64 + 1].item<float>(), 0);
}

TEST(Nf4, what_does_not_fit_is_refused_by_name) {
  EXPECT_EQ(failure([] { quantise(at::empty({0, 4})); }), "NF4: there is no value to quantise");
  EXPECT_EQ(failure([] { quantise(at::zeros({4}, at::kInt)); }),
            "NF4: the weight to quantise is Int, expected float32, bfloat16 or float16");
  EXPECT_EQ(failure([] { quantise(at::zeros({4}), {.blocksize = 48}); }),
            "NF4: blocksize is 48, expected a power of two from 32 to 4096");

  const Nf4Weight weight = quantise(ramp({6, 64}));
  EXPECT_EQ(failure([&] {
              dequantise(weight, at::empty({64, 6}));
            }),
            "NF4: the output is [64, 6] on cpu, expected [6, 64] on cpu");
  EXPECT_EQ(failure([&] {
              dequantise(weight, at::empty({64, 6}).t());
            }),
            "NF4: the output is [6, 64] on cpu, not contiguous, expected [6, 64] on cpu");
  EXPECT_EQ(failure([&] {
              dequantise(weight, at::empty({6, 64}, at::kDouble));
            }),
            "NF4: the output is Double, expected float32, bfloat16 or float16");
  Nf4Weight short_of_absmax = weight;
  short_of_absmax.absmax = weight.absmax.slice(0, 0, 5);
  EXPECT_EQ(failure([&] { dequantise(short_of_absmax); }),
            "NF4: absmax is Byte [5] on cpu, expected Byte [6] on cpu");
  Nf4Weight without_map = weight;
  without_map.nested_quant_map = at::Tensor();
  EXPECT_EQ(failure([&] { dequantise(without_map); }),
            "NF4: nested_quant_map is missing, expected Float [256] on cpu");
}

}  // namespace
}  // namespace tradeoff::quant
