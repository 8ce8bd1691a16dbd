#include "tradeoff/study/loaded_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/out_of_memory.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/infer/engine.hpp"
#include "tradeoff/lora/peft.hpp"
#include "tradeoff/lora/peft_config.hpp"
#include "tradeoff/model/stored_weights.hpp"
#include "tradeoff/quant/capability.hpp"

namespace tradeoff::study {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTakesLess =
    "--dtype bfloat16 or --quantization nf4 takes less, on a GPU with --nf4-residency packed";

// The weight files, held to the configuration: what no model needs is not read.
std::vector<fs::path> weight_files(const ModelOptions& options) {
  const model::StoredWeights weights(
      options.model, model::read_config(options.model / "config.json"), options.quantization);
  return weights.checkpoint().files();
}

// SHA-256 of the weight file; of several, that of the lines that `sha256sum` prints of them in the
// order of their names, so that they are hashed at the same time.
std::string sha256_of(const std::vector<fs::path>& files) {
  if (files.size() == 1) return sha256_file(files.front());
  std::vector<std::future<std::string>> hashes;
  for (const fs::path& file : files)
    hashes.push_back(std::async(std::launch::async, sha256_file, file));
  std::string lines;
  for (std::size_t i = 0; i < files.size(); ++i)
    lines += fmt::format("{}  {}\n", hashes[i].get(), files[i].filename().string());
  return sha256(lines);
}

const char* name_of(c10::ScalarType dtype) {
  if (dtype == c10::ScalarType::Half) return "float16";
  return dtype == c10::ScalarType::Float ? "float32" : "bfloat16";
}

// What computes, as far as it rounds differently.
std::string kernels_of(const ModelOptions& options, c10::Device device, bool nf4) {
  const std::string name = model::kernels_name(device);
  const bool codes =
      nf4 && device.is_cuda() &&
      model::pick_dtype(options.dtype, device) == c10::ScalarType::BFloat16 &&
      model::keeps_packed(options.nf4_residency, model::read_config(options.model / "config.json"),
                          model::memory_bytes(device));
  if (!codes) return name;
  // Their products with several rows are summed in another order there.
  return name + (quant::compute_capability(device) == 90 ? ", NF4 codes (9.0)" : ", NF4 codes");
}

}  // namespace

LoadedModel load_model(const comm::Session& session, const ModelOptions& options) {
  check(fs::is_directory(options.model),
        options.model.string() +
            ": not a folder; expected a model folder (see `tradeoff import --help`)");
  model::set_threads(options.threads, session.local_size());
  const c10::Device device =
      model::pick_device(options.device, session.local_rank(), session.local_size());
  text::Tokenizer tokenizer = text::load_tokenizer(options.model);
  auto decoder = where_memory_may_end(kTakesLess, [&] {
    return std::make_unique<model::Decoder>(
        options.model, model::LoadOptions{device, model::pick_dtype(options.dtype, device),
                                          options.quantization, options.nf4_residency});
  });
  check(static_cast<std::int64_t>(tokenizer.vocab_size()) <= decoder->config().vocab_size,
        options.model.string() + ": the tokenizer has more tokens than the embedding has rows");
  auto end_tokens = model::read_eos_ids(options.model, decoder->config().vocab_size);
  return {std::move(decoder), std::move(tokenizer), std::move(end_tokens), options.cuda_graphs};
}

std::int64_t arena_rows(const comm::Session& session, const ModelOptions& options,
                        const model::DecoderConfig& config) {
  const c10::Device device =
      model::pick_device(options.device, session.local_rank(), session.local_size());
  return infer::arena_rows(config, model::pick_dtype(options.dtype, device), device);
}

void use_adapter(LoadedModel& model, const fs::path& folder) {
  if (folder.empty()) {
    model.decoder->set_adapter(nullptr);
    return;
  }
  where_memory_may_end(kTakesLess, [&] {
    const lora::Adapter adapter = lora::read_peft(folder, model.decoder->config());
    model.decoder->set_adapter(&adapter.weights);
  });
}

Json adapter_identity(const fs::path& folder) {
  Json identity = {{"weights_sha256", sha256_file(folder / lora::kWeightsFile)}};
  identity.update(lora::peft_record(folder));
  return identity;
}

std::future<std::string> begin_weights_hash(const comm::Session& session,
                                            const ModelOptions& options) {
  if (session.rank() != 0) return {};
  return std::async(std::launch::async, sha256_of, weight_files(options));
}

Json model_identity(const comm::Session& session, const ModelOptions& options,
                    std::future<std::string> weights_hash) {
  if (session.rank() == 0 && !weights_hash.valid())
    weights_hash = begin_weights_hash(session, options);
  const c10::Device device =
      model::pick_device(options.device, session.local_rank(), session.local_size());
  const std::string config = sha256_file(options.model / "config.json");
  comm::agree(session, "config.json of the model", config);
  const std::string weights =
      comm::broadcast(session, session.rank() == 0 ? weights_hash.get() : std::string());
  const bool nf4 = options.quantization == model::Quantization::nf4 ||
                   model::asks_for_nf4(read_json(options.model / "config.json"));
  const std::string kernels = kernels_of(options, device, nf4);
  comm::agree(session, "kernels", kernels);
  return {{"config_sha256", config},
          {"weights_sha256", weights},
          {"tokenizer_sha256", text::load_tokenizer(options.model).content_hash()},
          {"dtype", name_of(model::pick_dtype(options.dtype, device))},
          {"quantization", nf4 ? "nf4" : "none"},
          {"kernels", kernels}};
}

}  // namespace tradeoff::study
