#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace tradeoff {

/// Philox4x32-10 (Salmon et al., SC 2011): 128 random bits as a pure function of counter and key.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

/// A named stream of random numbers: (seed, name) decide every draw, on every machine.
/// Streams of one seed with different names are independent, so adding one never shifts another.
class SeedStream {
 public:
  SeedStream(std::uint64_t seed, std::string_view name);
  /// 64 uniform bits.
  std::uint64_t next();
  /// Uniform in [0, bound), without modulo bias. bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1) with 53 bits.
  double uniform();
  /// The stream's key, for counter-based use (dropout): philox4x32(counter, key()).
  std::array<std::uint32_t, 2> key() const { return key_; }

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint64_t counter_ = 0;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
};

/// Fisher-Yates, in place.
template <typename T>
void shuffle(std::span<T> values, SeedStream& stream) {
  for (std::size_t i = values.size(); i > 1; --i) {
    using std::swap;
    swap(values[i - 1], values[stream.below(i)]);
  }
}

/// `count` distinct indices of [0, size), in drawn order. count <= size.
std::vector<std::size_t> sample_without_replacement(std::size_t size, std::size_t count,
                                                    SeedStream& stream);

}  // namespace tradeoff
