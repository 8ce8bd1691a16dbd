#pragma once
#include <filesystem>
#include <future>
#include <memory>
#include <vector>

#include "tradeoff/base/file_lock.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/comm/session.hpp"
#include "tradeoff/model/decoder.hpp"
#include "tradeoff/model/device.hpp"
#include "tradeoff/text/tokenizer.hpp"

namespace tradeoff::study {

struct ModelOptions {
  // Model folder, as `import` writes it.
  std::filesystem::path model;
  model::DeviceChoice device = model::DeviceChoice::automatic;
  model::DtypeChoice dtype = model::DtypeChoice::automatic;
  // Linear layers in NF4 or as they are; a bfloat16 folder is quantised as it is read.
  model::Quantization quantization = model::Quantization::as_stored;
  // Where NF4 weights are kept; on a GPU their products round differently.
  model::Nf4Residency nf4_residency = model::Nf4Residency::automatic;
  // Few prompts are decoded by recorded graphs; no result depends on it.
  bool cuda_graphs = true;
  // CPU threads of this rank; 0: its share of the machine's cores.
  int threads = 0;
  // What keeps a second process out of the output folder.
  LockKind lock = LockKind::flock;
  // One process on purpose where the launcher or Slurm meant several.
  bool single = false;
};

/// A model on this rank's device, with what belongs to it.
struct LoadedModel {
  std::unique_ptr<model::Decoder> decoder;
  text::Tokenizer tokenizer;
  // Tokens that end an answer.
  std::vector<text::TokenId> end_tokens;
  bool cuda_graphs = true;  // as in ModelOptions
};

/// Throws Error where a file of the folder is missing or wrong. Sets this process' threads and
/// current GPU.
LoadedModel load_model(const comm::Session& session, const ModelOptions& options);

/// infer::arena_rows of this rank's device.
std::int64_t arena_rows(const comm::Session& session, const ModelOptions& options,
                        const model::DecoderConfig& config);

/// Puts the adapter of a PEFT folder on the model, unmerged; an empty path takes it away. Throws
/// Error naming the file where it does not fit.
void use_adapter(LoadedModel& model, const std::filesystem::path& adapter);

/// What decides a prediction besides the model: hash of the adapter's weights, rank, alpha,
/// targets. Throws Error where the folder is missing or half written.
Json adapter_identity(const std::filesystem::path& adapter);

/// The hash of the weights, under way on rank 0 while the model is loaded; of the others nothing.
std::future<std::string> begin_weights_hash(const comm::Session& session,
                                            const ModelOptions& options);

/// What decides a prediction, as far as the model goes: hashes of config, weights and tokenizer,
/// dtype and kernels. Equal on all ranks or an Error that names them. The weights are read once, on
/// rank 0: now, unless their hash is under way. Collective.
Json model_identity(const comm::Session& session, const ModelOptions& options,
                    std::future<std::string> weights = {});

}  // namespace tradeoff::study
