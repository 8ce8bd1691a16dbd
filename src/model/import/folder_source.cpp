#include <ATen/ops/from_blob.h>

#include "source.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/model/safetensors.hpp"
#include "tradeoff/model/stored_weights.hpp"

namespace tradeoff::model {
namespace {

class FolderSource : public Source {
 public:
  explicit FolderSource(const std::filesystem::path& folder)
      : folder_(folder), config_(read_config(folder / "config.json")), checkpoint_(folder) {
    refuse_unread(checkpoint_, config_);
  }

  std::string description() const override {
    return "Hugging Face folder (" +
           std::string(name_of(checkpoint_.tensor("model.embed_tokens.weight").dtype)) + ")";
  }
  DecoderConfig config() const override { return config_; }
  bool has(const std::string& name) const override { return checkpoint_.has(name); }
  std::vector<std::int64_t> shape(const std::string& name) const override {
    return checkpoint_.tensor(name).shape;
  }

  at::Tensor values(const std::string& name) const override {
    const StoredTensor& tensor = checkpoint_.tensor(name);
    const auto dtype = [&] {
      switch (tensor.dtype) {
        case Dtype::f32:
          return c10::ScalarType::Float;
        case Dtype::f16:
          return c10::ScalarType::Half;
        case Dtype::bf16:
          return c10::ScalarType::BFloat16;
        default:
          fail(folder_.string() + ": tensor " + name + ": dtype " +
               std::string(name_of(tensor.dtype)) + ", expected F32, F16 or BF16");
      }
    }();
    return at::from_blob(const_cast<std::byte*>(tensor.bytes.data()), tensor.shape,
                         at::TensorOptions(dtype));
  }

  text::Vocabulary vocabulary() const override { return text::read_vocabulary(folder_); }
  std::vector<std::int32_t> eos_ids() const override {
    return read_eos_ids(folder_, config_.vocab_size);
  }

 private:
  std::filesystem::path folder_;
  DecoderConfig config_;
  StoredTensors checkpoint_;
};

}  // namespace

std::unique_ptr<Source> open_folder_source(const std::filesystem::path& folder) {
  return std::make_unique<FolderSource>(folder);
}

}  // namespace tradeoff::model
