// Linear and its low-rank updates on the CPU, forward and backward, against plain arithmetic in
// double on the numbers as they are stored.
#include "tradeoff/model/linear.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "tradeoff/base/seed.hpp"

namespace tradeoff::model {
namespace {

constexpr c10::DeviceType kCpu = c10::kCPU;

// Normal numbers that depend on `seed` alone.
at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed) {
  at::Tensor values = at::zeros(shape, at::TensorOptions(c10::ScalarType::Float));
  SeedStream stream(seed, "linear-tests");
  float* const data = values.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i)
    data[i] = static_cast<float>(4 * (stream.uniform() + stream.uniform() - 1));
  return values;
}

struct Shape {
  c10::ScalarType dtype;
  std::int64_t rows, in, out;
};

class LinearOfShape : public testing::TestWithParam<Shape> {
 protected:
  at::Tensor in_dtype(const at::Tensor& values) const { return values.to(GetParam().dtype); }
  // bfloat16 keeps 8 bits of a result; float32's error grows with the length of the sums.
  void expect_near(const at::Tensor& found, const at::Tensor& expected, const char* what) const {
    ASSERT_EQ(found.sizes(), expected.sizes()) << what;
    const bool narrow = found.scalar_type() == c10::ScalarType::BFloat16;
    const double scale = expected.abs().max().item<double>();
    const double error = (found.to(c10::kDouble) - expected).abs().max().item<double>();
    EXPECT_LE(error, scale * (narrow ? 8e-3 : 1e-5)) << what;
  }

  const Shape& s = GetParam();
  at::Tensor x = in_dtype(normal({s.rows, s.in}, 1));
  at::Tensor weight = in_dtype(normal({s.out, s.in}, 2));
  at::Tensor xd = x.to(c10::kDouble), wd = weight.to(c10::kDouble);
};

TEST_P(LinearOfShape, equals_plain_arithmetic) {
  Linear linear(weight, kCpu, s.dtype);
  EXPECT_EQ(linear.in_features(), s.in);
  EXPECT_EQ(linear.out_features(), s.out);
  const at::Tensor product = xd.matmul(wd.t());
  expect_near(linear.apply(x), product, "apply");
  expect_near(linear.apply_float(x), product, "apply_float");
  EXPECT_EQ(linear.apply_float(x).scalar_type(), c10::ScalarType::Float);
  const at::Tensor residual = in_dtype(normal({s.rows, s.out}, 3));
  expect_near(linear.apply_add(x, residual), product + residual.to(c10::kDouble), "apply_add");
  const at::Tensor bias = normal({s.out}, 4);
  linear.set_bias(bias);
  expect_near(linear.apply(x), product + bias.to(c10::kDouble), "bias");
}

TEST_P(LinearOfShape, gated_pairs_equal_plain_arithmetic) {
  const at::Tensor up = in_dtype(normal({s.out, s.in}, 5));
  const at::Tensor both = at::cat({weight, up});
  const at::Tensor g = xd.matmul(wd.t()), u = xd.matmul(up.to(c10::kDouble).t());
  const at::Tensor silu = g * at::sigmoid(g) * u, gelu = at::gelu(g, "tanh") * u;
  at::Tensor pair;
  const Linear of_silu = Linear::gated(both, Activation::silu, kCpu, s.dtype);
  expect_near(of_silu.apply_gated(x, nullptr, &pair), silu, "silu");
  expect_near(pair, at::cat({g, u}, 1), "the products before the activation");
  EXPECT_EQ(of_silu.rows(), 2 * s.out);
  const Linear of_gelu = Linear::gated(both, Activation::gelu_tanh, kCpu, s.dtype);
  expect_near(of_gelu.apply_gated(x), gelu, "gelu");
}

// Two parts of unequal ranks and scalings, the second with a gap before it.
struct Updates {
  explicit Updates(const Shape& s) {
    const std::int64_t half = s.out / 2;
    parts = {{normal({3, s.in}, 10), normal({half, 3}, 11), 0, 0.5},
             {normal({5, s.in}, 12), normal({s.out - half - 1, 5}, 13), half + 1, 2.0}};
  }
  // scaling · b · a of all parts, [out, in] in double.
  at::Tensor dense(const Shape& s) const {
    at::Tensor sum = at::zeros({s.out, s.in}, at::TensorOptions(c10::kDouble));
    for (const LowRankPart& part : parts)
      sum.narrow(0, part.out_begin, part.b.size(0))
          .add_(part.b.to(c10::kDouble).matmul(part.a.to(c10::kDouble)), part.scaling);
    return sum;
  }
  std::vector<LowRankPart> parts;
};

TEST_P(LinearOfShape, low_rank_updates_act_on_their_rows_alone) {
  const Updates updates(s);
  Linear linear(weight, kCpu, s.dtype);
  linear.set_low_rank(updates.parts);
  const at::Tensor expected = xd.matmul((wd + updates.dense(s)).t());
  expect_near(linear.apply(x), expected, "with updates");
  linear.set_low_rank({});
  expect_near(linear.apply(x), xd.matmul(wd.t()), "without them again");
}

TEST_P(LinearOfShape, gradients_equal_their_formulas_and_are_added) {
  const Updates updates(s);
  Linear linear(weight, kCpu, s.dtype);
  linear.set_low_rank(updates.parts);
  linear.prepare_backward(weight);
  LowRankTape tape;
  linear.apply(x, &tape);
  const at::Tensor dy = in_dtype(normal({s.rows, s.out}, 20)), dyd = dy.to(c10::kDouble);
  std::vector<LowRankPart> grads;
  for (const LowRankPart& part : updates.parts)
    grads.push_back({at::ones_like(part.a), at::ones_like(part.b), part.out_begin, part.scaling});
  const at::Tensor dx = linear.backward(dy, x, tape, grads);
  expect_near(dx, dyd.matmul(wd + updates.dense(s)), "the input's");
  for (std::size_t i = 0; i < grads.size(); ++i) {
    const LowRankPart& part = updates.parts[i];
    const at::Tensor a = part.a.to(c10::kDouble), b = part.b.to(c10::kDouble);
    const at::Tensor rows = dyd.narrow(1, part.out_begin, part.b.size(0));
    // d/da = scaling · (dy·b)ᵀ·x and d/db = scaling · dyᵀ·(x·aᵀ), on top of the ones.
    expect_near(grads[i].a, 1 + part.scaling * rows.matmul(b).t().matmul(xd), "a's");
    expect_near(grads[i].b, 1 + part.scaling * rows.t().matmul(xd.matmul(a.t())), "b's");
  }
  expect_near(linear.apply_transposed(dy), dyd.matmul(wd), "apply_transposed");
}

INSTANTIATE_TEST_SUITE_P(of, LinearOfShape,
                         testing::Values(Shape{c10::ScalarType::Float, 1, 8, 16},
                                         Shape{c10::ScalarType::Float, 7, 33, 50},
                                         Shape{c10::ScalarType::Float, 130, 96, 129},
                                         Shape{c10::ScalarType::BFloat16, 1, 16, 32},
                                         Shape{c10::ScalarType::BFloat16, 7, 34, 50},
                                         Shape{c10::ScalarType::BFloat16, 130, 96, 129}),
                         [](const auto& test) {
                           const Shape& s = test.param;
                           return std::string(s.dtype == c10::ScalarType::Float ? "float"
                                                                                : "bfloat16") +
                                  "_" + std::to_string(s.rows) + "_" + std::to_string(s.in) + "_" +
                                  std::to_string(s.out);
                         });

TEST(Linear, refuses_a_bias_or_a_weight_of_another_size) {
  Linear linear(normal({4, 8}, 1), kCpu, c10::ScalarType::Float);
  EXPECT_ANY_THROW(linear.set_bias(normal({5}, 1)));
  EXPECT_ANY_THROW(linear.prepare_backward(normal({4, 9}, 1)));
  EXPECT_ANY_THROW(linear.apply_transposed(normal({2, 4}, 1)));  // before prepare_backward
}

}  // namespace
}  // namespace tradeoff::model
