// The few-column products of a low-rank update whose input has dropout. A mask is a bit an element
// (dropout.hpp), so these products read the wide operand once and no mask in its size: what a
// library's product cannot do. Eight rows of a part's `a` make a tile.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <vector>

#include "kernels_cuda.cuh"
#include "ops_cuda.hpp"

namespace tradeoff::model::cuda {
namespace {

constexpr int kEight = 8;       // columns of a thread, and rows of `a` in a tile
constexpr int kMostTiles = 24;  // of a launch
constexpr int kRowsAtOnce = 4;  // of x that a thread multiplies with what it holds of `a`
constexpr int kThreadsAcross = 128;
constexpr int kMostSplits = 64;

template <typename T>
struct Tile {
  const T* a = nullptr;  // its first row
  std::int64_t a_stride = 0;
  int count = 0;   // rows of `a`, up to eight
  int column = 0;  // of u and of x·aᵀ
  int zeros = 0;   // columns behind them that belong to no part
  const std::uint8_t* mask = nullptr;
  std::int64_t mask_stride = 0;  // bytes
  float* gradient = nullptr;     // of its first row of `a`
};
template <typename T>
struct Tiles {
  Tile<T> at[kMostTiles];
  int count = 0;
};

// Eight neighbouring elements as floats; those from `left` on, where rows are not whole loads, as
// 0.
template <bool kWhole, typename T>
__device__ void load_eight(const T* from, int left, float (&values)[kEight]) {
  if constexpr (kWhole) {
    const auto loaded = load<kEight>(from);
#pragma unroll
    for (int j = 0; j < kEight; ++j) values[j] = to_float(loaded.at[j]);
  } else {
#pragma unroll
    for (int j = 0; j < kEight; ++j) values[j] = j < left ? to_float(from[j]) : 0.0f;
  }
}

// What a thread holds of a tile's `a`; rows beyond the last repeat it.
template <bool kWhole, typename T>
__device__ void load_rows(const Tile<T>& tile, int column, int columns,
                          float (&a)[kEight][kEight]) {
#pragma unroll
  for (int k = 0; k < kEight; ++k) {
    const int row = k < tile.count ? k : tile.count - 1;
    load_eight<kWhole>(tile.a + row * tile.a_stride + column, columns - column, a[k]);
  }
}

template <typename T>
__device__ unsigned kept_of(const Tile<T>& tile, std::int64_t row, int column) {
  return tile.mask[row * tile.mask_stride + column / kEight];
}

// A warp takes kRowsAtOnce rows of x; its lanes stride over the columns.
template <typename T, bool kWhole>
__global__ void __launch_bounds__(kThreads)
    down_kernel(const __grid_constant__ Tiles<T> tiles, Rows<const T> x, std::int64_t rows,
                int columns, float factor, Rows<T> out) {
  const Tile<T>& tile = tiles.at[blockIdx.x];
  const int lane = threadIdx.x % 32;
  const std::int64_t first =
      (static_cast<std::int64_t>(blockIdx.y) * (kThreads / 32) + threadIdx.x / 32) * kRowsAtOnce;
  if (first >= rows) return;
  float sums[kRowsAtOnce][kEight] = {};
  for (int column = lane * kEight; column < columns; column += 32 * kEight) {
    float a[kEight][kEight];
    load_rows<kWhole>(tile, column, columns, a);
#pragma unroll
    for (int r = 0; r < kRowsAtOnce; ++r) {
      const std::int64_t row = first + r < rows ? first + r : rows - 1;
      float values[kEight];
      load_eight<kWhole>(x.row(row) + column, columns - column, values);
      const unsigned kept = kept_of(tile, row, column);
#pragma unroll
      for (int j = 0; j < kEight; ++j) {
        const float value = kept >> j & 1u ? values[j] : 0.0f;
#pragma unroll
        for (int k = 0; k < kEight; ++k) sums[r][k] += value * a[k][j];
      }
    }
  }
#pragma unroll
  for (int r = 0; r < kRowsAtOnce; ++r) {
#pragma unroll
    for (int k = 0; k < kEight; ++k) {
      float sum = sums[r][k];
      for (int offset = 16; offset > 0; offset /= 2)
        sum += __shfl_xor_sync(0xffffffffu, sum, offset);
      if (lane == k && k < tile.count && first + r < rows)
        assign(out.row(first + r)[tile.column + k], sum * factor);
    }
    if (first + r >= rows) continue;
    for (int i = lane; i < tile.zeros; i += 32)
      assign(out.row(first + r)[tile.column + tile.count + i], 0.0f);
  }
}

// partial [splits, tiles, eight, columns]: the sums over one split's rows. A thread has eight
// columns.
template <typename T, bool kWhole>
__global__ void __launch_bounds__(kThreadsAcross)
    gradient_kernel(const __grid_constant__ Tiles<T> tiles, Rows<const T> u, Rows<const T> x,
                    std::int64_t rows, std::int64_t rows_of_split, int columns, float* partial) {
  const Tile<T>& tile = tiles.at[blockIdx.y];
  const int column = (static_cast<int>(blockIdx.x) * kThreadsAcross + threadIdx.x) * kEight;
  if (column >= columns) return;
  const std::int64_t begin = blockIdx.z * rows_of_split,
                     end = begin + rows_of_split < rows ? begin + rows_of_split : rows;
  float sums[kEight][kEight] = {};
  for (std::int64_t row = begin; row < end; ++row) {
    float values[kEight], weights[kEight];
    load_eight<kWhole>(x.row(row) + column, columns - column, values);
    load_eight<kWhole>(u.row(row) + tile.column, tile.count, weights);
    const unsigned kept = kept_of(tile, row, column);
#pragma unroll
    for (int j = 0; j < kEight; ++j) {
      const float value = kept >> j & 1u ? values[j] : 0.0f;
#pragma unroll
      for (int k = 0; k < kEight; ++k) sums[k][j] += weights[k] * value;
    }
  }
  float* const to =
      partial + (static_cast<std::int64_t>(blockIdx.z) * gridDim.y + blockIdx.y) * kEight * columns;
#pragma unroll
  for (int k = 0; k < kEight; ++k) {
#pragma unroll
    for (int j = 0; j < kEight; ++j) {
      if (column + j < columns)
        to[static_cast<std::int64_t>(k) * columns + column + j] = sums[k][j];
    }
  }
}

// Adds the splits' sums, in order, to the gradients.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    add_splits_kernel(const __grid_constant__ Tiles<T> tiles, const float* partial, int splits,
                      int columns, float factor) {
  const Tile<T>& tile = tiles.at[blockIdx.z];
  const int column = blockIdx.x * kThreads + threadIdx.x, k = blockIdx.y;
  if (column >= columns || k >= tile.count) return;
  const std::int64_t split = static_cast<std::int64_t>(gridDim.z) * kEight * columns;
  const float* from =
      partial + (static_cast<std::int64_t>(blockIdx.z) * kEight + k) * columns + column;
  float sum = 0;
  for (int i = 0; i < splits; ++i) sum += from[i * split];
  tile.gradient[static_cast<std::int64_t>(k) * columns + column] += factor * sum;
}

// dx += factor · Σ over tiles of mask ∘ (u · a). A thread has eight columns of kRowsAtOnce rows.
template <typename T, bool kWhole>
__global__ void __launch_bounds__(kThreadsAcross)
    input_gradient_kernel(const __grid_constant__ Tiles<T> tiles, Rows<const T> u,
                          std::int64_t rows, int columns, float factor, Rows<T> dx) {
  const int column = (static_cast<int>(blockIdx.x) * kThreadsAcross + threadIdx.x) * kEight;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.y) * kRowsAtOnce;
  if (column >= columns) return;
  float sums[kRowsAtOnce][kEight];
#pragma unroll
  for (int r = 0; r < kRowsAtOnce; ++r) {
    const std::int64_t row = first + r < rows ? first + r : rows - 1;
    load_eight<kWhole>(static_cast<const T*>(dx.row(row)) + column, columns - column, sums[r]);
  }
  for (int i = 0; i < tiles.count; ++i) {
    const Tile<T>& tile = tiles.at[i];
    float a[kEight][kEight];
    load_rows<kWhole>(tile, column, columns, a);
#pragma unroll
    for (int r = 0; r < kRowsAtOnce; ++r) {
      const std::int64_t row = first + r < rows ? first + r : rows - 1;
      float weights[kEight];
      load_eight<kWhole>(u.row(row) + tile.column, tile.count, weights);
      const unsigned kept = kept_of(tile, row, column);
#pragma unroll
      for (int j = 0; j < kEight; ++j) {
        float value = 0;
#pragma unroll
        for (int k = 0; k < kEight; ++k) value += k < tile.count ? weights[k] * a[k][j] : 0.0f;
        sums[r][j] += kept >> j & 1u ? value * factor : 0.0f;
      }
    }
  }
#pragma unroll
  for (int r = 0; r < kRowsAtOnce; ++r) {
    if (first + r >= rows) break;
    T* const to = dx.row(first + r) + column;
    if constexpr (kWhole) {
      Values<T, kEight> values;
#pragma unroll
      for (int j = 0; j < kEight; ++j) assign(values.at[j], sums[r][j]);
      store(to, values);
    } else {
      for (int j = 0; j < kEight && column + j < columns; ++j) assign(to[j], sums[r][j]);
    }
  }
}

template <typename T>
std::vector<Tiles<T>> tiles_of(std::span<const DroppedPart> parts, std::int64_t room, T* type,
                               std::span<const at::Tensor> gradients = {}) {
  std::vector<Tiles<T>> all(1);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const DroppedPart& part = parts[i];
    const std::int64_t count = part.a.size(0);
    const bool last = i + 1 == parts.size();
    for (std::int64_t k = 0; k < count; k += kEight) {
      if (all.back().count == kMostTiles) all.emplace_back();
      Tile<T>& tile = all.back().at[all.back().count++];
      tile.a = in(part.a, type) + k * part.a.stride(0);
      tile.a_stride = part.a.stride(0);
      tile.count = static_cast<int>(std::min<std::int64_t>(kEight, count - k));
      tile.column = static_cast<int>(part.column + k);
      if (last && k + kEight >= count)
        tile.zeros = static_cast<int>(room - tile.column - tile.count);
      tile.mask = static_cast<const std::uint8_t*>(part.mask.const_data_ptr());
      tile.mask_stride = part.mask.size(1) * 8;
      if (!gradients.empty())
        tile.gradient = gradients[i].mutable_data_ptr<float>() + k * part.a.size(1);
    }
  }
  return all;
}

// Whether all rows are whole loads of eight, those of u from each tile's first column on.
bool whole(std::span<const DroppedPart> parts, std::initializer_list<at::Tensor> wide) {
  bool all = true;
  for (const DroppedPart& part : parts)
    all = all && part.a.size(1) % kEight == 0 && part.a.stride(0) % kEight == 0 &&
          part.column % kEight == 0;
  for (const at::Tensor& x : wide) all = all && x.stride(0) % kEight == 0;
  return all;
}

template <typename Work>
void by_load(bool whole_loads, const Work& work) {
  if (whole_loads) {
    work(std::true_type());
  } else {
    work(std::false_type());
  }
}

unsigned blocks_of(std::int64_t count, std::int64_t each) {
  return static_cast<unsigned>((count + each - 1) / each);
}

}  // namespace

at::Tensor dropped_down(const at::Tensor& x, std::span<const DroppedPart> parts, std::int64_t room,
                        double factor) {
  const std::int64_t rows = x.size(0);
  at::Tensor out = at::empty({rows, room}, x.options());
  if (rows == 0) return out;
  dispatch(x, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    for (const Tiles<T>& tiles : tiles_of(parts, room, type)) {
      const dim3 grid(static_cast<unsigned>(tiles.count),
                      blocks_of(rows, kThreads / 32 * kRowsAtOnce));
      by_load(whole(parts, {x}), [&](auto loads) {
        down_kernel<T, decltype(loads)::value>
            <<<grid, kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(
                tiles, rows_in(x, type), rows, static_cast<int>(x.size(1)),
                static_cast<float>(factor), rows_out(out, type));
      });
    }
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

void add_dropped_gradient(const at::Tensor& u, const at::Tensor& x,
                          std::span<const DroppedPart> parts, double factor,
                          std::span<const at::Tensor> gradients) {
  const std::int64_t rows = x.size(0), columns = x.size(1);
  if (rows == 0) return;
  const std::int64_t splits = std::clamp<std::int64_t>(rows / 64, 1, kMostSplits),
                     rows_of_split = (rows + splits - 1) / splits;
  dispatch(x, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    for (const Tiles<T>& tiles : tiles_of(parts, u.size(1), type, gradients)) {
      const auto count = static_cast<unsigned>(tiles.count);
      at::Tensor partial = at::empty({splits, tiles.count, kEight, columns},
                                     x.options().dtype(c10::ScalarType::Float));
      const auto stream = c10::cuda::getCurrentCUDAStream();
      by_load(whole(parts, {x, u}), [&](auto loads) {
        gradient_kernel<T, decltype(loads)::value>
            <<<dim3(blocks_of(columns, kThreadsAcross * kEight), count,
                    static_cast<unsigned>(splits)),
               kThreadsAcross, 0, stream>>>(tiles, rows_in(u, type), rows_in(x, type), rows,
                                            rows_of_split, static_cast<int>(columns),
                                            partial.mutable_data_ptr<float>());
      });
      add_splits_kernel<T>
          <<<dim3(blocks_of(columns, kThreads), kEight, count), kThreads, 0, stream>>>(
              tiles, partial.const_data_ptr<float>(), static_cast<int>(splits),
              static_cast<int>(columns), static_cast<float>(factor));
    }
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

void add_dropped_input_gradient(const at::Tensor& u, std::span<const DroppedPart> parts,
                                double factor, at::Tensor& dx) {
  const std::int64_t rows = dx.size(0), columns = dx.size(1);
  if (rows == 0) return;
  dispatch(dx, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    for (const Tiles<T>& tiles : tiles_of(parts, u.size(1), type)) {
      const dim3 grid(blocks_of(columns, kThreadsAcross * kEight), blocks_of(rows, kRowsAtOnce));
      by_load(whole(parts, {dx, u}), [&](auto loads) {
        input_gradient_kernel<T, decltype(loads)::value>
            <<<grid, kThreadsAcross, 0, c10::cuda::getCurrentCUDAStream()>>>(
                tiles, rows_in(u, type), rows, static_cast<int>(columns),
                static_cast<float>(factor), rows_out(dx, type));
      });
    }
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

}  // namespace tradeoff::model::cuda
