#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/comm/session.hpp"
#include "tradeoff/model/device.hpp"
#include "tradeoff/model/llama.hpp"
#include "tradeoff/text/tokenizer.hpp"

namespace tradeoff::study {

struct ModelOptions {
  // Model folder, as `import` writes it.
  std::filesystem::path model;
  model::DeviceChoice device = model::DeviceChoice::automatic;
  model::DtypeChoice dtype = model::DtypeChoice::automatic;
  // CPU threads of this rank; 0: its share of the machine's cores.
  int threads = 0;
  // One process on purpose where the launcher or Slurm meant several.
  bool single = false;
};

/// A model on this rank's device, with what belongs to it.
struct LoadedModel {
  std::unique_ptr<model::Llama> llama;
  text::Tokenizer tokenizer;
  // Tokens that end an answer.
  std::vector<text::TokenId> end_tokens;
};

/// Throws Error where a file of the folder is missing or wrong. Sets this process' threads and
/// current GPU.
LoadedModel load_model(const comm::Session& session, const ModelOptions& options);

/// What decides a prediction, as far as the model goes: hashes of config, weights and tokenizer,
/// dtype and kernels. Equal on all ranks or an Error that names them. Reads the weights once, on
/// rank 0. Collective.
Json model_identity(const comm::Session& session, const ModelOptions& options);

}  // namespace tradeoff::study
