// What the Python oracles of LoRA talk to.
// clang-format off
//   lora_probe logprobs MODEL ADAPTER|- IDS.jsonl OUT.jsonl DTYPE [cpu|cuda]   log p(next token) along each row's "ids"
//   lora_probe rewrite MODEL ADAPTER OUT                                       reads an adapter and writes it again
//   lora_probe fresh MODEL OUT SEED                                            a freshly initialised adapter
//   lora_probe merge MODEL ADAPTER OUT                                         merges into the base
//   lora_probe serve                                                           many of these in one process: serve.hpp
// clang-format on
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "serve.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/lora/merge.hpp"
#include "tradeoff/lora/peft.hpp"
#include "tradeoff/model/decoder.hpp"
#include "tradeoff/model/ops.hpp"

namespace {

using namespace tradeoff;

at::Tensor longs(const std::vector<std::int64_t>& values, c10::Device device) {
  return at::tensor(values, at::TensorOptions(c10::ScalarType::Long)).to(device);
}

std::vector<float> next_logprobs(model::Decoder& decoder, const std::vector<std::int64_t>& ids) {
  const auto size = static_cast<std::int64_t>(ids.size());
  std::vector<std::int64_t> order(ids.size());
  std::iota(order.begin(), order.end(), 0);
  model::KvArena arena = decoder.make_arena(size);
  const model::Pass pass{
      longs(ids, decoder.device()),
      longs(order, decoder.device()),
      longs(order, decoder.device()),
      longs(order, decoder.device()),
      size - 1,
      model::AttentionPattern({{{{0, size, 0, size}}, true}}, size, decoder.device(), order)};
  const at::Tensor logits = decoder.logits(decoder.forward(pass, arena)).narrow(0, 0, size - 1);
  const std::vector<std::int64_t> next(ids.begin() + 1, ids.end());
  const at::Tensor values =
      model::log_softmax_at(logits, longs(next, decoder.device()).view({-1, 1})).cpu();
  const float* const p = values.const_data_ptr<float>();
  return {p, p + values.numel()};
}

void logprobs(const std::vector<std::string>& words) {
  model::LoadOptions options;
  options.dtype = words.at(5) == "bfloat16" ? c10::ScalarType::BFloat16 : c10::ScalarType::Float;
  if (words.size() > 6 && words[6] == "cuda") options.device = c10::Device(c10::kCUDA, 0);
  model::Decoder decoder(words.at(1), options);
  if (words.at(2) != "-") {
    const lora::Adapter adapter = lora::read_peft(words.at(2), decoder.config());
    decoder.set_adapter(&adapter.weights);
  }
  std::ofstream out(words.at(4));
  for_each_json_line(words.at(3), [&](Json& row, std::size_t) {
    out << to_line(Json{
               {"logprobs", next_logprobs(decoder, field<std::vector<std::int64_t>>(row, "ids"))}})
        << "\n";
  });
}

void run(const std::vector<std::string>& words) {
  if (words.at(0) == "logprobs") return logprobs(words);
  if (words.at(0) == "merge") return lora::merge(words.at(1), words.at(2), words.at(3));
  const model::DecoderConfig config = model::read_config(words.at(1) + "/config.json");
  if (words.at(0) == "rewrite") {
    lora::write_peft(words.at(3), lora::read_peft(words.at(2), config), words.at(1));
  } else if (words.at(0) == "fresh") {
    lora::Adapter adapter = lora::make_adapter(config, {});
    lora::initialise(adapter, std::stoull(words.at(3)));
    lora::write_peft(words.at(2), adapter, words.at(1));
  } else {
    fail("unknown command " + words.at(0));
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (!words.empty() && words[0] == "serve") {
      return serve([](const std::vector<std::string>& asked) {
        run(asked);
        return 0;
      });
    }
    run(words);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
