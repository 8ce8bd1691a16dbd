#include <cmath>
#include <cstring>

#include "source.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/model/safetensors.hpp"
#include "tradeoff/model/stored_weights.hpp"

namespace tradeoff::model {
namespace {

float half_to_float(std::uint16_t bits) {
  const float sign = bits & 0x8000 ? -1.0f : 1.0f;
  const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent == 31) return fraction ? NAN : sign * INFINITY;
  return sign * (exponent ? std::ldexp(static_cast<float>(1024 + fraction), exponent - 25)
                          : std::ldexp(static_cast<float>(fraction), -24));
}

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

  std::vector<float> values(const std::string& name) const override {
    const StoredTensor& tensor = checkpoint_.tensor(name);
    std::vector<float> floats(tensor.bytes.size() / byte_size(tensor.dtype));
    const auto halves = [&](const auto& convert) {
      for (std::size_t i = 0; i < floats.size(); ++i) {
        std::uint16_t bits;
        std::memcpy(&bits, tensor.bytes.data() + 2 * i, 2);
        floats[i] = convert(bits);
      }
    };
    switch (tensor.dtype) {
      case Dtype::f32:
        std::memcpy(floats.data(), tensor.bytes.data(), tensor.bytes.size());
        break;
      case Dtype::f16:
        halves(half_to_float);
        break;
      case Dtype::bf16:
        halves([](std::uint16_t bits) {
          const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
          float value;
          std::memcpy(&value, &wide, 4);
          return value;
        });
        break;
      default:
        fail(folder_.string() + ": tensor " + name + ": dtype " +
             std::string(name_of(tensor.dtype)) + ", expected F32, F16 or BF16");
    }
    return floats;
  }

  text::Vocabulary vocabulary() const override { return text::read_vocabulary(folder_); }
  std::vector<std::int32_t> eos_ids() const override {
    return read_eos_ids(folder_, config_.vocab_size);
  }

 private:
  std::filesystem::path folder_;
  DecoderConfig config_;
  Checkpoint checkpoint_;
};

}  // namespace

std::unique_ptr<Source> open_folder_source(const std::filesystem::path& folder) {
  return std::make_unique<FolderSource>(folder);
}

}  // namespace tradeoff::model
