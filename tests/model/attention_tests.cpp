// The CPU's attention and its gradients against plain arithmetic in double, on shapes that fill no
// tile, by the best instruction set of this processor and by the least.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "cpu/backward.hpp"

namespace tradeoff::model::cpu {
namespace {

struct Shape {
  std::int64_t heads, kv_heads, d, queries, keys;
  bool causal;
};

// Numbers of one storage; double on the outside.
struct Numbers {
  Numbers(Storage as, std::size_t count)
      : bytes(count * (as == Storage::f32 ? 4 : 2)), storage(as) {}
  void set(std::size_t i, float value) {
    if (storage == Storage::f32) {
      std::memcpy(bytes.data() + 4 * i, &value, 4);
      return;
    }
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, 4);
    const auto upper = static_cast<std::uint16_t>(bits >> 16);
    std::memcpy(bytes.data() + 2 * i, &upper, 2);
  }
  double at(std::size_t i) const {
    std::uint32_t bits = 0;
    if (storage == Storage::f32) {
      std::memcpy(&bits, bytes.data() + 4 * i, 4);
    } else {
      std::uint16_t upper = 0;
      std::memcpy(&upper, bytes.data() + 2 * i, 2);
      bits = static_cast<std::uint32_t>(upper) << 16;
    }
    float value = 0;
    std::memcpy(&value, &bits, 4);
    return value;
  }
  std::vector<unsigned char> bytes;
  Storage storage;
};

class Case {
 public:
  Case(const Shape& shape, Storage storage)
      : s(shape),
        q(storage, size(s.queries, s.heads)),
        k(storage, size(s.keys, s.kv_heads)),
        v(storage, size(s.keys, s.kv_heads)),
        dout(storage, size(s.queries, s.heads)),
        out(storage, size(s.queries, s.heads)) {
    std::mt19937 random(7);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (Numbers* numbers : {&q, &k, &v, &dout}) {
      const std::size_t count = numbers->bytes.size() / (storage == Storage::f32 ? 4 : 2);
      for (std::size_t i = 0; i < count; ++i) numbers->set(i, uniform(random));
    }
  }

  // Largest errors of the output and of dq, dk, dv.
  std::vector<double> errors(const Kernels& kernels, const BackwardKernels& backward) {
    const auto rows = static_cast<std::size_t>(s.queries * s.heads);
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> row_max(rows, -std::numeric_limits<float>::infinity()), row_sum(rows, 0);
    std::vector<float> acc(size(s.queries, s.heads), kNan);  // not read
    AttendArgs args;
    args.storage = q.storage;
    args.q = q.bytes.data();
    args.k = k.bytes.data();
    args.v = v.bytes.data();
    args.heads = s.heads;
    args.kv_heads = s.kv_heads;
    args.d = s.d;
    args.scale = scale;
    args.row_max = row_max.data();
    args.row_sum = row_sum.data();
    args.acc = acc.data();
    for_each_tile(20, [&](const AttendTile& tile) { kernels.attend(args, tile); });
    kernels.attend_finish(args, 0, s.queries, out.bytes.data());
    reference();

    std::vector<float> lse(rows), delta(rows), dq(size(s.queries, s.heads), kNan);  // dq neither
    std::vector<float> dk(size(s.keys, s.kv_heads), 0), dv(dk);
    std::ranges::copy(want_lse, lse.begin());
    backward.row_dots(q.storage, dout.bytes.data(), out.bytes.data(), 0, s.queries, s.heads, s.d,
                      delta.data());
    AttendGradArgs grad;
    grad.storage = q.storage;
    grad.q = q.bytes.data();
    grad.k = k.bytes.data();
    grad.v = v.bytes.data();
    grad.dout = dout.bytes.data();
    grad.lse = lse.data();
    grad.delta = delta.data();
    grad.heads = s.heads;
    grad.kv_heads = s.kv_heads;
    grad.d = s.d;
    grad.scale = scale;
    grad.dq = dq.data();
    grad.add_dq = false;
    for_each_tile(57, [&](const AttendTile& tile) {
      const std::int64_t head = tile.kv_head * s.d;
      backward.attend_grad(grad, tile, dk.data() + head, dv.data() + head, s.kv_heads * s.d);
    });
    double of_out = 0;
    for (std::size_t i = 0; i < want_out.size(); ++i)
      of_out = std::max(of_out, std::abs(want_out[i] - out.at(i)));
    return {of_out, error(want_dq, dq), error(want_dk, dk), error(want_dv, dv)};
  }

 private:
  std::size_t size(std::int64_t rows, std::int64_t heads) const {
    return static_cast<std::size_t>(rows * heads * s.d);
  }
  static double error(const std::vector<double>& want, const std::vector<float>& got) {
    double worst = 0;
    for (std::size_t i = 0; i < want.size(); ++i) {
      if (!std::isfinite(got[i])) return std::numeric_limits<double>::infinity();
      worst = std::max(worst, std::abs(want[i] - static_cast<double>(got[i])));
    }
    return worst;
  }
  template <typename Work>
  void for_each_tile(std::int64_t queries, const Work& work) const {
    for (std::int64_t begin = 0; begin < s.queries; begin += queries) {
      for (std::int64_t head = 0; head < s.kv_heads; ++head) {
        AttendTile tile;
        tile.q_begin = begin;
        tile.q_end = std::min(s.queries, begin + queries);
        tile.k_count = s.keys;
        tile.causal = s.causal;
        tile.visible = s.causal ? s.keys - s.queries + begin + 1 : s.keys;
        tile.kv_head = head;
        work(tile);
      }
    }
  }

  void reference() {
    want_out.assign(size(s.queries, s.heads), 0);
    want_dq = want_out;
    want_dk.assign(size(s.keys, s.kv_heads), 0);
    want_dv = want_dk;
    want_lse.clear();
    const auto d = static_cast<std::size_t>(s.d);
    for (std::int64_t row = 0; row < s.queries * s.heads; ++row) {
      const std::int64_t query = row / s.heads, head = row % s.heads * s.kv_heads / s.heads;
      const std::int64_t seen = s.causal ? s.keys - s.queries + query + 1 : s.keys;
      const std::size_t at = static_cast<std::size_t>(row) * d;
      const auto key = [&](std::int64_t j) {
        return static_cast<std::size_t>(j * s.kv_heads + head) * d;
      };
      std::vector<double> p;
      double sum = 0, mean = 0;
      for (std::int64_t j = 0; j < seen; ++j) {
        double score = 0;
        for (std::size_t c = 0; c < d; ++c) score += q.at(at + c) * k.at(key(j) + c);
        p.push_back(std::exp(score * scale));
        sum += p.back();
      }
      want_lse.push_back(static_cast<float>(std::log(sum)));
      std::vector<double> dp(p.size(), 0);
      for (std::size_t j = 0; j < p.size(); ++j) {
        p[j] /= sum;
        const std::size_t from = key(static_cast<std::int64_t>(j));
        for (std::size_t c = 0; c < d; ++c) {
          want_out[at + c] += p[j] * v.at(from + c);
          want_dv[from + c] += p[j] * dout.at(at + c);
          dp[j] += dout.at(at + c) * v.at(from + c);
        }
        mean += p[j] * dp[j];
      }
      for (std::size_t j = 0; j < p.size(); ++j) {
        const std::size_t from = key(static_cast<std::int64_t>(j));
        const double dscore = p[j] * (dp[j] - mean) * scale;
        for (std::size_t c = 0; c < d; ++c) {
          want_dq[at + c] += dscore * k.at(from + c);
          want_dk[from + c] += dscore * q.at(at + c);
        }
      }
    }
  }

  Shape s;
  float scale = 0.3F;
  Numbers q, k, v, dout, out;
  std::vector<float> want_lse;
  std::vector<double> want_out, want_dq, want_dk, want_dv;
};

TEST(CpuAttention, equals_plain_arithmetic_on_every_shape) {
  for (const auto& [heads, kv_heads, d] :
       {std::array{9, 3, 64}, std::array{4, 4, 40}, std::array{8, 1, 33}, std::array{3, 1, 8}}) {
    for (const auto& [queries, keys] : {std::array{1, 1}, std::array{1, 77}, std::array{3, 3},
                                        std::array{50, 131}, std::array{129, 129}}) {
      for (const bool causal : {true, false}) {
        for (const Storage storage : {Storage::f32, Storage::bf16}) {
          Case one({heads, kv_heads, d, queries, keys, causal}, storage);
          for (const bool best : {true, false}) {
            const auto errors = one.errors(best ? select_kernels() : kernels_baseline(),
                                           best ? select_backward() : backward_baseline());
            const double limit = storage == Storage::f32 ? 2e-5 : 2e-2;
            for (std::size_t i = 0; i < errors.size(); ++i) {
              EXPECT_LT(errors[i], limit)
                  << "out, dq, dk, dv: " << i << "; heads " << heads << " / " << kv_heads << " of "
                  << d << ", " << queries << " queries, " << keys << " keys, causal " << causal
                  << ", bf16 " << (storage == Storage::bf16) << ", best " << best;
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace tradeoff::model::cpu
