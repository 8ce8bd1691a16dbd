#pragma once
#include <string_view>

#include "tradeoff/base/gguf_parts.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff::model {

/// An architecture of GGUF files and the model_type of its config.json.
struct GgufArchitecture {
  std::string_view name, model_type;
  bool permuted = false;  // q and k rows stand for neighbouring pairs
  bool adds_one = false;  // norms are stored as 1 + w
};

/// That of the file's general.architecture. Throws Error with the list of known ones.
const GgufArchitecture& gguf_architecture(const GgufFile& file);

/// The file's facts as a config.json of its family. Every key of the architecture is read, known as
/// without effect, or refused by name.
Json gguf_config(const GgufParts& file);

}  // namespace tradeoff::model
