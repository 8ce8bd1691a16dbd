// The engine on a Llama of any shape with the token counts of the full evaluations, timed by itself
// (design: performance goals 1 and 2). Prompts are random tokens: only shapes matter.
// engine_bench.py compares with a peer: --dump writes prompts and results of one question in so
// many that 64 remain.
//   engine_bench MODEL_FOLDER mmlu|spider [--device auto|cpu|cuda] [--dtype auto|float32|bfloat16]
//   [--questions N] [--chunk-size N|auto] [--pass-tokens N] [--dump F.jsonl]
//   [--temperature T] [--top-p P] [--samples N]: Spider's answers are drawn
#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <string>

#include "tradeoff/base/json.hpp"
#include "tradeoff/base/progress.hpp"
#include "tradeoff/base/seed.hpp"
#include "tradeoff/infer/engine.hpp"
#include "tradeoff/model/device.hpp"

using namespace tradeoff;
using Prompts = std::vector<std::vector<infer::TokenId>>;

namespace {

constexpr std::int64_t kNewTokens = 40;

struct Arguments {
  std::string model, workload, dump;
  model::DeviceChoice device = model::DeviceChoice::automatic;
  model::DtypeChoice dtype = model::DtypeChoice::automatic;
  std::int64_t questions = 0, chunk_size = 0, pass_tokens = 0;
  infer::Sampling sampling;
};

Arguments parse(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr,
               "usage: engine_bench MODEL_FOLDER mmlu|spider [--device D] [--dtype T] [--questions "
               "N] [--chunk-size N] [--temperature T] [--top-p P] [--samples N]\n");
    std::exit(2);
  }
  Arguments a;
  a.model = argv[1];
  a.workload = argv[2];
  for (int i = 3; i + 1 < argc; i += 2) {
    const std::string key = argv[i], value = argv[i + 1];
    if (key == "--device")
      a.device = value == "cuda"  ? model::DeviceChoice::cuda
                 : value == "cpu" ? model::DeviceChoice::cpu
                                  : a.device;
    if (key == "--dtype")
      a.dtype = value == "float32"    ? model::DtypeChoice::float32
                : value == "bfloat16" ? model::DtypeChoice::bfloat16
                                      : a.dtype;
    if (key == "--dump") a.dump = value;
    if (key == "--questions") a.questions = std::stoll(value);
    if (key == "--chunk-size") a.chunk_size = value == "auto" ? 0 : std::stoll(value);
    if (key == "--pass-tokens") a.pass_tokens = std::stoll(value);
    if (key == "--temperature") a.sampling.temperature = std::stod(value);
    if (key == "--top-p") a.sampling.top_p = std::stod(value);
    if (key == "--samples") a.sampling.samples = std::stoll(value);
  }
  return a;
}

// `groups` prefixes of `prefix` tokens behind `common` shared ones, questions of `own` tokens
// spread over them.
Prompts make_prompts(std::int64_t vocabulary, std::int64_t common, std::int64_t groups,
                     std::int64_t prefix, std::int64_t own, std::int64_t questions) {
  SeedStream stream(0, "bench");
  const auto extend = [&](std::vector<infer::TokenId> ids, std::int64_t count) {
    while (count-- > 0) ids.push_back(static_cast<infer::TokenId>(stream.below(vocabulary)));
    return ids;
  };
  const auto root = extend({}, common);
  Prompts prompts;
  for (std::int64_t g = 0; g < groups; ++g) {
    const auto shared = extend(root, prefix);
    for (std::int64_t q = g * questions / groups; q < (g + 1) * questions / groups; ++q)
      prompts.push_back(extend(shared, own));
  }
  return prompts;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments a = parse(argc, argv);
  model::set_threads(0, 1);
  const c10::Device device = model::pick_device(a.device, 0, 1);
  model::Decoder decoder(a.model, {device, model::pick_dtype(a.dtype, device)});
  const bool mmlu = a.workload == "mmlu";
  const std::int64_t questions = a.questions > 0 ? a.questions : mmlu ? 14042 : 1034;
  const std::int64_t vocabulary = decoder.config().vocab_size;
  // Token counts of the real tasks under Llama-3's tokenizer, 5 shots and 3 shots.
  const Prompts prompts = mmlu ? make_prompts(vocabulary, 0, 57, 579, 111, questions)
                               : make_prompts(vocabulary, 930, 20, 187, 25, questions);
  infer::ChunkPlanOptions plan;
  plan.chunk_size =
      a.chunk_size > 0
          ? a.chunk_size
          : infer::auto_chunk_size(prompts, plan, mmlu ? 0 : kNewTokens * a.sampling.samples,
                                   infer::arena_rows(decoder.config(), decoder.dtype(), device));
  const auto chunks = infer::plan_chunks(prompts, plan);
  infer::EngineOptions engine_options;
  if (a.pass_tokens > 0) engine_options.max_pass_tokens = a.pass_tokens;
  infer::Engine engine(decoder, engine_options);
  constexpr std::int64_t kDumped = 64;
  std::vector<Json> rows(prompts.size());
  const auto run = [&](const infer::Chunk& chunk) {
    if (mmlu) {
      const auto values =
          engine.score_choices(chunk, prompts, Prompts(chunk.prompts.size(), {32, 33, 34, 35}));
      for (std::size_t i = 0; i < values.size(); ++i) rows[chunk.prompts[i]] = values[i].logprobs;
    } else {
      infer::GenerateOptions options;
      options.max_new_tokens = kNewTokens;  // forced: no token ends an answer
      options.sampling = a.sampling;
      for (const std::size_t prompt : chunk.prompts)
        options.keys.push_back(infer::draw_key(0, 0, std::to_string(prompt)));
      const auto answers = engine.generate(chunk, prompts, options);
      const auto samples = answers.size() / chunk.prompts.size();
      for (std::size_t i = 0; i < answers.size(); i += samples)
        rows[chunk.prompts[i / samples]] = answers[i].ids;  // of drawn ones the first
    }
  };
  run(chunks.front());  // warm-up
  const std::int64_t prefill = engine.prefill_tokens(), decoded = engine.decoded_tokens();
  const Stopwatch clock;
  for (const infer::Chunk& chunk : chunks) run(chunk);
  const double seconds = clock.seconds();
  const Json result = {{"workload", a.workload},
                       {"device", model::kernels_name(device)},
                       {"questions", questions},
                       {"chunk_size", plan.chunk_size},
                       {"chunks", chunks.size()},
                       {"seconds", seconds},
                       {"prompt_tokens_computed", engine.prefill_tokens() - prefill},
                       {"tokens_decoded", engine.decoded_tokens() - decoded}};
  fmt::print("{}\n", to_line(result));
  if (a.dump.empty()) return 0;
  std::ofstream file(a.dump);
  const std::int64_t step = std::max<std::int64_t>(1, questions / kDumped);
  for (std::int64_t i = 0; i < questions; i += step)
    file << to_line(Json{{"prompt_ids", prompts[i]}, {"result", rows[i]}}) << "\n";
}
