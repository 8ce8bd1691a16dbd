#include "double_quant.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

namespace tradeoff::quant {
namespace {

constexpr int kCells = 65536;

// Code of the i-th of 65,536 evenly spaced values of [-1, 1]: bitsandbytes rounds to this grid
// before it looks for the nearest map entry, so its codes are not always the nearest.
std::unique_ptr<std::uint8_t[]> grid_codes() {
  const auto map = dynamic_map();
  auto codes = std::make_unique<std::uint8_t[]>(kCells);
  int code = 0;
  for (int i = 0; i < kCells; ++i) {
    const float value = -1.0f + (2.0f * static_cast<float>(i)) / static_cast<float>(kCells - 1);
    while (code < 255 && 0.5f * (map[code] + map[code + 1]) < value) ++code;
    codes[i] = static_cast<std::uint8_t>(code);
  }
  return codes;
}

// The product and the sum are rounded once there (a fused multiply-add); in double both are exact.
int grid_cell(float value) {
  if (std::isnan(value)) return 0;
  const float half = (std::clamp(value, -1.0f, 1.0f) + 1.0f) * 0.5f;
  return static_cast<int>(static_cast<float>(static_cast<double>(half) * (kCells - 1) + 0.5));
}

}  // namespace

std::array<float, 256> dynamic_map() {
  std::array<float, 256> map{};
  std::size_t size = 0;
  constexpr float kPowers[] = {1e-6f, 1e-5f, 1e-4f, 1e-3f, 1e-2f, 1e-1f, 1.0f};
  for (int exponent = 0; exponent < 7; ++exponent) {
    // torch.linspace(0.1, 1, 2^exponent + 1) in float, as its vector kernels do it: from the nearer
    // end, fused.
    const int parts = 1 << exponent;
    const float step = (1.0f - 0.1f) / static_cast<float>(parts);
    const auto boundary = [&](int i) {
      return i < (parts + 1) / 2 ? static_cast<float>(double{0.1f} + double{step} * i)
                                 : static_cast<float>(1.0 - double{step} * (parts - i));
    };
    for (int i = 0; i < parts; ++i) {
      const float mean = (boundary(i) + boundary(i + 1)) / 2.0f;
      map[size++] = kPowers[exponent] * mean;
      map[size++] = -kPowers[exponent] * mean;
    }
  }
  map[size++] = 0.0f;
  map[size++] = 1.0f;
  std::sort(map.begin(), map.end());
  return map;
}

void quantise_8bit(std::span<const float> values, int blocksize, std::span<std::uint8_t> codes,
                   std::span<float> absmax) {
  static const auto grid = grid_codes();
  for (std::size_t begin = 0; begin < values.size(); begin += blocksize) {
    const std::size_t end = std::min(values.size(), begin + blocksize);
    float largest = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const float magnitude = std::fabs(values[i]);
      if (magnitude > largest) largest = magnitude;  // passes over NaN, as there
    }
    absmax[begin / blocksize] = largest;
    const float scale = 1.0f / largest;
    for (std::size_t i = begin; i < end; ++i) {
      codes[i] = largest == 0 ? 0 : grid[grid_cell(values[i] * scale)];
    }
  }
}

}  // namespace tradeoff::quant
