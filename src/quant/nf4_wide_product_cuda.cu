// The product of nf4_product_cuda.cu for 9 to 64 rows of x, on a card with the instructions of
// compute capability 9.0. There each warp that read x for its own rows of W alone would ask the
// second-level cache for more than W has. Here four warps at a time multiply what lies in shared
// memory, and a cluster of blocks shares a tile's columns.
#include <cooperative_groups.h>
#include <cuda_bf16.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "nf4_product.cuh"
#include "tradeoff/quant/capability.hpp"
#include "tradeoff/quant/overlap.cuh"
#include "wide_instructions.cuh"

namespace tradeoff::quant {
namespace {

namespace cg = cooperative_groups;

constexpr int kTeam = 4;                   // warps that multiply together
constexpr int kTeamRows = kTeam * kRows;   // of W
constexpr int kUnit = 2 * kBlock;          // columns of a step
constexpr int kStages = 4;                 // steps in shared memory, of x and of W
constexpr int kSumStride = kTeamRows + 4;  // columns of sums begin in other banks

// A warp's rows of W in a step, as they lie in shared memory.
constexpr int kCodeBytes = 96;  // of a row: 64, and what lets eight rows lie in other banks
constexpr int kStepBytes = kRows * (kCodeBytes + static_cast<int>(sizeof(float2)));

#ifdef TRADEOFF_WIDE
__device__ inline float value_at(const void* values, std::int64_t place) {
  return __bfloat162float(static_cast<const __nv_bfloat16*>(values)[place]);
}

// Four neighbouring numbers of a row of the output.
__device__ inline void store_four(const ProductTask& task, int row, int column, float4 sums) {
  float four[4] = {sums.x, sums.y, sums.z, sums.w};
  const std::int64_t place = static_cast<std::int64_t>(row) * task.out_columns + column;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    four[i] /= kTableScale;
    if (task.bias) four[i] += value_at(task.bias, column + i);
    if (task.residual) four[i] += value_at(task.residual, place + i);
  }
  auto* const to = reinterpret_cast<__nv_bfloat162*>(static_cast<__nv_bfloat16*>(task.out) + place);
  to[0] = __floats2bfloat162_rn(four[0], four[1]);
  to[1] = __floats2bfloat162_rn(four[2], four[3]);
}

// What a warp does that copies x: every fourth step, each into stage `slot`.
template <int kTiles>
__device__ __forceinline__ void copy_inputs(const ProductTask& task, char* stages, int slot,
                                            int first, int count, unsigned full, unsigned freed) {
  constexpr int kWide = kTiles * kCols, kTileBytes = kWide * kBlockBytes;
  constexpr int kStageBytes = 2 * kTileBytes;
  // Each warp fills a stage of its own: what it waits for, the others do not. A lane has a piece
  // of 16 bytes: four of the eight pairs that are another lane's, each for a piece of its own.
  static_assert(kStages == kTeam);
  const int lane = threadIdx.x % kWarp, piece = lane % 8, of_four = lane / 8;
  char* places[2][4];  // of a row's pairs, where its number modulo 8 is below 4 and where not
#pragma unroll
  for (int i = 0; i < 8; ++i)
    places[i / 4][i % 4] = stages + slot * kStageBytes + of_four * kBlockBytes + piece / 2 * 4 +
                           (((piece % 2 ^ i / 4) * 4) | (i % 4 ^ of_four)) * 16;
  const auto* from = static_cast<const __nv_bfloat16*>(task.x) + (first + slot) * kUnit +
                     of_four * task.in + piece * 8;
  constexpr int kLoads = kWide / 4 < 8 ? kWide / 4 : 8, kPasses = 2 * kWide / 4 / kLoads;
  uint4 words[2][kLoads];
  const auto load = [&](int pass) {
    const int a = pass / (kPasses / 2), done = pass % (kPasses / 2) * kLoads * 4;
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      words[pass % 2][i] = {0, 0, 0, 0};
      if (done + i * 4 + of_four < task.x_rows)
        words[pass % 2][i] =
            *reinterpret_cast<const uint4*>(from + (done + i * 4) * task.in + a * kBlock);
    }
  };
  for (int step = slot; step < count; step += kStages, from += kStages * kUnit) {
    load(0);
    if (step >= kStages) wait_at(freed + slot * sizeof(std::uint64_t), (step / kStages - 1) % 2);
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass) {
      if (pass + 1 < kPasses) load(pass + 1);
      const int a = pass / (kPasses / 2), done = pass % (kPasses / 2) * kLoads * 4;
      const int at = a * kTileBytes + done * kBlockBytes;
#pragma unroll
      for (int i = 0; i < kLoads; ++i) {
        const uint4 one = words[pass % 2][i];
        const unsigned four[4] = {one.x, one.y, one.z, one.w};
#pragma unroll
        for (int k = 0; k < 4; ++k)
          *reinterpret_cast<unsigned*>(places[i % 2][k] + at + i * 4 * kBlockBytes) = four[k];
      }
    }
    show_to_products();
    arrive(full + slot * sizeof(std::uint64_t));
  }
}

// Sums of all of the cluster's blocks, each of which adds and stores a part of the tile.
template <int kTiles, int kThreads>
__device__ __forceinline__ void add_and_store(const ProductTask& task, float* shared, int teams,
                                              int cluster) {
  constexpr int kWide = kTiles * kCols;
  const int tile = blockIdx.x / cluster, rank = blockIdx.x % cluster;
  const cg::cluster_group others = cg::this_cluster();
  const int fours = teams * (kTeamRows / 4);
  for (int i = rank * kThreads + threadIdx.x; i < fours * task.x_rows; i += cluster * kThreads) {
    const int four = i % fours, x_row = i / fours;
    const int of = four / (kTeamRows / 4), of_w = four % (kTeamRows / 4) * 4;
    const int column = (tile * teams + of) * kTeamRows + of_w;
    if (column >= task.out_columns) continue;
    float4 sum = {0, 0, 0, 0};
    for (int r = 0; r < cluster; ++r) {
      const float4 more = *reinterpret_cast<const float4*>(
          others.map_shared_rank(shared, r) + (of * kWide + x_row) * kSumStride + of_w);
      sum = {sum.x + more.x, sum.y + more.y, sum.z + more.z, sum.w + more.w};
    }
    store_four(task, x_row, column, sum);
  }
}
#endif

// Of shared memory, for x and then for sums.
template <int kTiles, int kTeams>
__host__ __device__ constexpr int input_bytes() {
  constexpr int kWide = kTiles * kCols, kInputs = kStages * 2 * kWide * kBlockBytes;
  constexpr int kSums = kTeams * kWide * kSumStride * static_cast<int>(sizeof(float));
  return kInputs > kSums ? kInputs : kSums;
}

// A tile is `teams` times 64 rows of W; of its columns each block of the cluster has a share. The
// tensor cores take columns in an order in which lane t has the pairs t of each eight; a lane's
// values of W are 16 neighbouring ones, so x is laid out in the order that makes these its pairs.
// While they multiply a block, the values of the next are looked up. Four warps more copy x.
template <int kTiles, int kTeams>
__global__ void __launch_bounds__((kTeams + 1) * kTeam * kWarp, 1)
    wide_product_kernel(const __grid_constant__ ProductTask task, int teams, int cluster) {
#ifdef TRADEOFF_WIDE
  constexpr int kThreads = kTeams * kTeam * kWarp, kWide = kTiles * kCols;
  constexpr int kTileBytes = kWide * kBlockBytes, kStageBytes = 2 * kTileBytes;
  extern __shared__ __align__(1024) char table[];
  char* const stages = table + kTableBytes;
  // From one lane, so that the compiler knows it to be one number for all.
  const int warp = __shfl_sync(0xffffffffu, threadIdx.x / kWarp, 0), team = warp / kTeam;
  const int lane = threadIdx.x % kWarp, group = lane / 4, t = lane % 4;
  const int tile = blockIdx.x / cluster, rank = blockIdx.x % cluster;
  const int units = task.in / kUnit, first = units * rank / cluster;
  const int count = units * (rank + 1) / cluster - first;
  const unsigned x_at = static_cast<unsigned>(__cvta_generic_to_shared(stages));
  // One gate a stage: x is there; x was multiplied.
  const unsigned full =
                     x_at + input_bytes<kTiles, kTeams>() + kTeams * kTeam * kStages * kStepBytes,
                 freed = full + kStages * sizeof(std::uint64_t);
  if (threadIdx.x == 0) {
    for (unsigned i = 0; i < kStages; ++i) {
      begin_gate(full + i * sizeof(std::uint64_t), kWarp);
      begin_gate(freed + i * sizeof(std::uint64_t), teams * kTeam);
    }
  }
  const int blocks = task.in / kBlock;
  // What is beyond W's rows computes the last ones again, which nobody stores.
  const int row = (tile * teams + team) * kTeamRows + warp % kTeam * kRows;
  const Strip from = strip_at(task, min(row, task.out_columns - kRows), group, blocks);
  const bool busy = team < teams;
  // Scales of a step: lane 0 of a row's four copies its own, lane 1 those of the row eight below.
  const auto* codes_from = from.packed + (2 * first * (kBlock / 2) + t * 16);
  const float* scales_from = from.absmax.values + from.from + (2 * first + (t & 1) * 8 * blocks);
  const unsigned w_at = x_at + input_bytes<kTiles, kTeams>() + warp * kStages * kStepBytes;
  const unsigned codes_to = w_at + group * kCodeBytes + t * 16,
                 scales_to = w_at + kRows * kCodeBytes + (group + 8 * t) * sizeof(float2);
  // `ahead` of where the pointers are, to place `slot`.
  const auto copy_w = [&](bool there, int ahead, int slot) {
    if (there) {
      const auto* const codes = codes_from + ahead * kBlock;
      copy_codes(codes_to + slot * kStepBytes, codes);
      copy_codes(codes_to + slot * kStepBytes + 8 * kCodeBytes, codes + 8 * blocks * (kBlock / 2));
      if (t < 2) copy_scales(scales_to + slot * kStepBytes, scales_from + 2 * ahead);
    }
    end_copies();
  };
  if (busy) {
#pragma unroll
    for (int i = 0; i < kStages - 1; ++i) copy_w(i < count, i, i);
  }
  fill_table(table);
  wait_for_inputs();
  let_next_begin();
  if (team == kTeams) {
    give_registers<kTeams == 3 ? 88 : 56>();
    copy_inputs<kTiles>(task, stages, warp % kTeam, first, count, full, freed);
    return;
  }
  take_registers<kTeams == 3 ? 136 : 104>();
  float sums[4 * kTiles] = {}, partial[4 * kTiles] = {};
  float2 scale = {0, 0};
  unsigned values[2][4][4];
  const char* const w_steps = stages + input_bytes<kTiles, kTeams>() + warp * kStages * kStepBytes;
  const char* const w_from = w_steps + group * kCodeBytes + t * sizeof(uint2);
  const char* const w_scales = w_steps + kRows * kCodeBytes + group * sizeof(float2);
  const unsigned bank = lane * sizeof(unsigned);
  const auto add_partial = [&] {
    wait_for_products();
    hold(partial);
#pragma unroll
    for (int i = 0; i < 4 * kTiles; ++i) sums[i] += partial[i] * (i / 2 % 2 ? scale.y : scale.x);
  };
  const std::uint64_t columns = place_of_columns(x_at);
  unsigned odd = 0;
  for (int begin = 0; busy && begin < count; begin += kStages) {
#pragma unroll
    for (int slot = 0; slot < kStages; ++slot) {
      if (begin + slot >= count) break;
      wait_for_copies<kStages - 2>();
      __syncwarp();  // all lanes' copies are there, and the step before was read
      const char* const now = w_from + slot * kStepBytes;
      Codes codes[2][2];
      float2 scales[2];
#pragma unroll
      for (int half = 0; half < 2; ++half) {
#pragma unroll
        for (int a = 0; a < 2; ++a)
          codes[a][half].words =
              *reinterpret_cast<const uint2*>(now + half * 8 * kCodeBytes + a * (kBlock / 2));
        scales[half] = *reinterpret_cast<const float2*>(w_scales + slot * kStepBytes +
                                                        half * 8 * sizeof(float2));
      }
      copy_w(begin + slot + kStages - 1 < count, slot + kStages - 1,
             (slot + kStages - 1) % kStages);
#pragma unroll
      for (int a = 0; a < 2; ++a) {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
#pragma unroll
          for (int i = 0; i < 4; ++i)
            values[a][j][i] = codes[a][i % 2].pair(table, 2 * j + i / 2, bank);
        }
        add_partial();  // of the block before
        if (a == 0) {
          if ((slot > 0 || begin > 0) && lane == 0)
            arrive(freed + (slot + kStages - 1) % kStages * sizeof(std::uint64_t));
          wait_at(full + slot * sizeof(std::uint64_t), odd);
        }
        begin_multiplying();
#pragma unroll
        for (int j = 0; j < 4; ++j)
          multiply<kTiles>(partial, values[a][j],
                           columns + (slot * kStageBytes + a * kTileBytes + j * 32) / 16, j > 0);
        end_multiplying();
        scale = a == 0 ? float2{scales[0].x, scales[1].x} : float2{scales[0].y, scales[1].y};
      }
    }
    odd ^= 1;
    codes_from += kStages * kBlock;
    scales_from += kStages * 2;
  }
  add_partial();
  wait_for_teams<kThreads>(1);
  // [team][row of x][row of W]
  auto* const shared = reinterpret_cast<float*>(stages);
  if (busy) {
#pragma unroll
    for (int i = 0; i < 4 * kTiles; ++i) {
      const int of_x = i / 4 * kCols + 2 * t + i % 2;
      const int of_w = warp % kTeam * kRows + group + i / 2 % 2 * 8;
      shared[(team * kWide + of_x) * kSumStride + of_w] = sums[i];
    }
  }
  wait_for_teams<kThreads>(cluster);
  add_and_store<kTiles, kThreads>(task, shared, teams, cluster);
  wait_for_teams<kThreads>(cluster);  // nobody's memory goes while it is read
#else
  __trap();
#endif
}

constexpr int kMostTeams = 4;   // of a block
constexpr int kMostBlocks = 8;  // of a cluster: every such card takes so many

template <int kTiles>
constexpr int kTeamsOf = kTiles == 2 ? kMostTeams : 3;

template <int kTiles>
constexpr auto kKernel = wide_product_kernel<kTiles, kTeamsOf<kTiles>>;

template <int kTiles>
cudaLaunchConfig_t launch_of(int blocks) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3((kTeamsOf<kTiles> + 1) * kTeam * kWarp);
  config.dynamicSmemBytes = kTableBytes + input_bytes<kTiles, kTeamsOf<kTiles>>() +
                            kTeamsOf<kTiles> * kTeam * kStages * kStepBytes +
                            2 * kStages * sizeof(std::uint64_t);
  return config;
}

// How many clusters of a size the card has room for; the kernel may take its shared memory then.
template <int kTiles>
std::array<int, kMostBlocks + 1> clusters_at_once() {
  std::array<int, kMostBlocks + 1> counts{};
  for (int blocks = 1; blocks <= kMostBlocks; ++blocks) {
    cudaLaunchConfig_t config = launch_of<kTiles>(blocks);
    cudaLaunchAttribute attribute = cluster_of(static_cast<unsigned>(blocks));
    config.attrs = &attribute;
    config.numAttrs = 1;
    C10_CUDA_CHECK(cudaFuncSetAttribute(kKernel<kTiles>,
                                        cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        static_cast<int>(config.dynamicSmemBytes)));
    C10_CUDA_CHECK(cudaOccupancyMaxActiveClusters(&counts[blocks], kKernel<kTiles>, &config));
  }
  return counts;
}

// How a product is spread over the card.
struct Spread {
  int teams, cluster;
  int tiles(const ProductTask& task) const {
    const int rows = teams * kTeamRows;
    return (task.out_columns + rows - 1) / rows;
  }
};

// Clock cycles of a product that is spread so, from what was measured on an H100: of a step, and of
// what comes before the first and after the last.
template <int kTiles>
int cycles_of(const ProductTask& task, Spread spread, int at_once) {
  constexpr int kOfStep = kTiles == 2 ? 330 : kTiles == 4 ? 380 : 650;
  constexpr int kOfTeam = kTiles == 2 ? 270 : kTiles == 4 ? 320 : 450;
  constexpr int kOfBlock = 5500, kOfCluster = 800;
  const int steps = (task.in / kUnit + spread.cluster - 1) / spread.cluster;
  const int rounds = (spread.tiles(task) + at_once - 1) / at_once;
  return rounds * (steps * (kOfStep + kOfTeam * spread.teams) + kOfBlock +
                   (spread.cluster > 1 ? kOfCluster : 0));
}

template <int kTiles>
Spread best_spread(const ProductTask& task) {
  static const std::array<int, kMostBlocks + 1> at_once = clusters_at_once<kTiles>();
  Spread best{1, 1};
  int fewest = std::numeric_limits<int>::max();
  for (int cluster = 1; cluster <= kMostBlocks; ++cluster) {
    for (int teams = 1; at_once[cluster] > 0 && teams <= kTeamsOf<kTiles>; ++teams) {
      const int cycles = cycles_of<kTiles>(task, {teams, cluster}, at_once[cluster]);
      if (cycles >= fewest) continue;
      fewest = cycles;
      best = {teams, cluster};
    }
  }
  return best;
}

template <int kTiles>
void start(const ProductTask& task, Spread spread, cudaStream_t stream) {
  const cudaLaunchConfig_t config = launch_of<kTiles>(spread.tiles(task) * spread.cluster);
  launch_clusters(kKernel<kTiles>, config.gridDim, static_cast<unsigned>(spread.cluster),
                  config.blockDim.x, config.dynamicSmemBytes, stream, task, spread.teams,
                  spread.cluster);
}

}  // namespace

bool takes_wide_product(const ProductTask& task, c10::Device device) {
#ifdef TRADEOFF_CUDA_90A
  const auto whole = [](const void* address, std::uintptr_t bytes) {
    return reinterpret_cast<std::uintptr_t>(address) % bytes == 0;
  };
  int processors = 0;
  cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device.index());
  // Up to 16 rows it pays where W has rows for every processor.
  const bool pays = task.x_rows > 16 ||
                    (task.x_rows > kCols && task.out_columns > ProductTask::kTileRows * processors);
  return pays && compute_capability(device) == 90 && task.in % kUnit == 0 && whole(task.x, 16) &&
         whole(task.out, 4) && std::ranges::all_of(task.parts, [&](const ProductTask::Part& part) {
           return part.rows == 0 ||
                  (part.weight.absmax.values && whole(part.weight.absmax.values, 8) &&
                   whole(part.weight.packed, 16));
         });
#else
  (void)task;
  (void)device;
  return false;
#endif
}

void wide_product_cuda(const ProductTask& task, cudaStream_t stream) {
  if (task.x_rows <= 16) {
    start<2>(task, best_spread<2>(task), stream);
  } else if (task.x_rows <= 32) {
    start<4>(task, best_spread<4>(task), stream);
  } else {
    start<8>(task, best_spread<8>(task), stream);
  }
}

}  // namespace tradeoff::quant
