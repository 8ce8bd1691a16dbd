#include "tradeoff/base/seed.hpp"

#include <numeric>
#include <string>

#include "tradeoff/base/error.hpp"

namespace tradeoff {
namespace {

// FNV-1a, then SplitMix64's finaliser: names that differ in one letter get unrelated keys.
std::uint64_t mix(std::uint64_t seed, std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const unsigned char byte : name) hash = (hash ^ byte) * 0x100000001b3ULL;
  std::uint64_t z = hash ^ (seed + 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> c,
                                        std::array<std::uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = 0xD2511F53ULL * c[0];
    const std::uint64_t p1 = 0xCD9E8D57ULL * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(p0)};
    k[0] += 0x9E3779B9U;
    k[1] += 0xBB67AE85U;
  }
  return c;
}

SeedStream::SeedStream(std::uint64_t seed, std::string_view name) {
  const std::uint64_t key = mix(seed, name);
  key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
}

std::uint64_t SeedStream::next() {
  if (used_ > 2) {
    block_ = philox4x32(
        {static_cast<std::uint32_t>(counter_), static_cast<std::uint32_t>(counter_ >> 32), 0, 0},
        key_);
    ++counter_;
    used_ = 0;
  }
  const std::uint64_t low = block_[used_], high = block_[used_ + 1];
  used_ += 2;
  return low | (high << 32);
}

std::uint64_t SeedStream::below(std::uint64_t bound) {
  check(bound > 0, "SeedStream::below(0): the bound must be positive");
  // Rejection below the largest multiple of bound (2^64 mod bound values are thrown away).
  const std::uint64_t threshold = (0 - bound) % bound;
  for (;;) {
    const std::uint64_t draw = next();
    if (draw >= threshold) return draw % bound;
  }
}

double SeedStream::uniform() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

std::vector<std::size_t> sample_without_replacement(std::size_t size, std::size_t count,
                                                    SeedStream& stream) {
  if (count > size) {
    fail("cannot draw " + std::to_string(count) + " of " + std::to_string(size) +
         " without replacement");
  }
  std::vector<std::size_t> indices(size);
  std::iota(indices.begin(), indices.end(), 0);
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(indices[i], indices[i + stream.below(size - i)]);
  }
  indices.resize(count);
  return indices;
}

}  // namespace tradeoff
