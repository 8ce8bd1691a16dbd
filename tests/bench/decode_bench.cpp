// Greedy decoding of few prompts: tokens per second for 1, 16 and 64 rows, prompts of 128 random
// tokens, 128 new ones. The prompts' own time is taken off by a run with one new token.
//   decode_bench MODEL_FOLDER [--quantization none|nf4] [--residency packed|bf16]
//   [--graphs true|false|both] [--device cuda|cpu] [--rows N]
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tradeoff/base/progress.hpp"
#include "tradeoff/base/seed.hpp"
#include "tradeoff/infer/engine.hpp"
#include "tradeoff/model/device.hpp"

using namespace tradeoff;
using Prompts = std::vector<std::vector<infer::TokenId>>;

namespace {

constexpr std::int64_t kPrompt = 128, kNew = 128;
constexpr int kRuns = 3;

double seconds(infer::Engine& engine, const Prompts& prompts, std::int64_t new_tokens) {
  infer::GenerateOptions options;
  options.max_new_tokens = new_tokens;
  std::vector<double> runs;
  infer::ChunkPlanOptions plan;
  plan.merge_tokens = static_cast<std::int64_t>(prompts.size()) * kPrompt;  // all in one chunk
  for (int run = 0; run <= kRuns; ++run) {
    const Stopwatch clock;
    for (const infer::Chunk& chunk : infer::plan_chunks(prompts, plan))
      engine.generate(chunk, prompts, options);
    if (run > 0) runs.push_back(clock.seconds());
  }
  std::ranges::sort(runs);
  return runs[runs.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(
        stderr,
        "usage: decode_bench MODEL_FOLDER [--quantization none|nf4] [--residency packed|bf16] "
        "[--graphs true|false|both] [--device cuda|cpu] [--rows N]\n");
    return 2;
  }
  model::set_threads(0, 1);
  auto choice = model::DeviceChoice::cuda;
  model::LoadOptions load;
  infer::EngineOptions engine_options;
  std::vector<bool> modes = {true};
  std::vector<std::int64_t> counts = {1, 16, 32, 64};
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string key = argv[i], value = argv[i + 1];
    if (key == "--quantization" && value == "nf4") load.quantization = model::Quantization::nf4;
    if (key == "--residency")
      load.nf4_residency =
          value == "packed" ? model::Nf4Residency::packed : model::Nf4Residency::bf16;
    if (key == "--graphs" && value != "true") modes = {false};
    if (key == "--graphs" && value == "both") modes = {true, false};
    if (key == "--device" && value == "cpu") choice = model::DeviceChoice::cpu;
    if (key == "--rows") counts = {std::stoll(value)};
  }
  load.device = model::pick_device(choice, 0, 1);
  load.dtype = model::pick_dtype(model::DtypeChoice::automatic, load.device);
  model::Decoder decoder(argv[1], load);
  for (const std::int64_t rows : counts) {
    SeedStream stream(0, "bench");
    Prompts prompts(static_cast<std::size_t>(rows));
    for (auto& prompt : prompts) {
      for (std::int64_t i = 0; i < kPrompt; ++i)
        prompt.push_back(static_cast<infer::TokenId>(stream.below(decoder.config().vocab_size)));
    }
    for (const bool graphs : modes) {
      engine_options.cuda_graphs = graphs;
      infer::Engine engine(decoder, engine_options);
      const double first = seconds(engine, prompts, 1), all = seconds(engine, prompts, kNew);
      const double step = (all - first) / static_cast<double>(kNew - 1);
      fmt::print("{:3} rows: {:7.2f} ms a step, {:8.1f} tokens/s, prompts {:.1f} ms, {}\n", rows,
                 1000 * step, static_cast<double>(rows) / step, 1000 * first,
                 graphs ? "graphs" : "no graphs");
    }
  }
}
