#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/model/config.hpp"
#include "tradeoff/text/vocabulary.hpp"

namespace tradeoff::model {

/// A model to import: its shape, its tensors under transformers' names, its vocabulary.
class Source {
 public:
  virtual ~Source() = default;
  virtual std::string description() const = 0;
  virtual DecoderConfig config() const = 0;
  virtual bool has(const std::string& name) const = 0;
  /// Shape as transformers has it ([out, in]); Error when missing.
  virtual std::vector<std::int64_t> shape(const std::string& name) const = 0;
  /// Its values in that shape: float32, bfloat16 or float16, on the CPU; perhaps a view of the
  /// source's file, valid while this object lives.
  virtual at::Tensor values(const std::string& name) const = 0;
  virtual text::Vocabulary vocabulary() const = 0;
  /// generation_config's eos list, as far as the source names one.
  virtual std::vector<std::int32_t> eos_ids() const = 0;
};

std::unique_ptr<Source> open_gguf_source(const std::filesystem::path& file);
std::unique_ptr<Source> open_folder_source(const std::filesystem::path& folder);

}  // namespace tradeoff::model
