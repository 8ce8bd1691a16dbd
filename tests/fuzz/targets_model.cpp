#include <vector>

#include "files/gguf_config.hpp"
#include "target.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/gguf_parts.hpp"
#include "tradeoff/lora/peft_config.hpp"
#include "tradeoff/model/config.hpp"
#include "tradeoff/model/ggml_blocks.hpp"
#include "tradeoff/model/safetensors.hpp"
#include "tradeoff/model/weights.hpp"
#include "tradeoff/text/tokenizer.hpp"

namespace tradeoff::fuzz {
namespace {

namespace fs = std::filesystem;

// Every byte that a reader hands out must be there.
unsigned touched(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (const std::byte byte : bytes) sum += static_cast<unsigned>(byte);
  return sum;
}

// Two tensors in a file of their own, for an index to name.
void put_shard(const fs::path& file, const std::string& name) {
  if (fs::exists(file)) return;
  const std::vector<std::byte> bytes(16);
  const model::TensorSpec tensors[] = {{name, model::Dtype::f32, {2, 2}}};
  model::write_safetensors(file, tensors, [&](std::size_t) { return std::span(bytes); });
}

model::DecoderConfig tiny_config() {
  return model::parse_config(Json{{"model_type", "llama"},
                                  {"vocab_size", 32},
                                  {"hidden_size", 8},
                                  {"intermediate_size", 16},
                                  {"num_hidden_layers", 2},
                                  {"num_attention_heads", 2}});
}

// As the source of an import names what a GGUF's keys make.
void read_gguf_config(const GgufParts& file, const fs::path& path) {
  const Json json = model::gguf_config(file);
  try {
    (void)model::weight_shapes(model::parse_config(json));
  } catch (const Error& error) {
    fail(path.string() + ": " + error.what());
  }
}

}  // namespace

void read_safetensors(const fs::path& folder, std::string_view bytes) {
  const model::SafetensorsFile file(put(folder / "model.safetensors", bytes));
  volatile unsigned sum = 0;
  for (const model::StoredTensor& tensor : file.tensors()) sum = sum + touched(tensor.bytes);
}

void read_safetensors_index(const fs::path& folder, std::string_view bytes) {
  put_shard(folder / "a.safetensors", "x");
  put_shard(folder / "b.safetensors", "y");
  put(folder / "model.safetensors.index.json", bytes);
  const model::StoredTensors checkpoint(folder);
  for (const std::string& name : checkpoint.names()) (void)checkpoint.tensor(name);
}

void read_config(const fs::path& folder, std::string_view bytes) {
  const model::DecoderConfig config = model::read_config(put(folder / "config.json", bytes));
  (void)model::weight_shapes(config);
  (void)model::read_eos_ids(folder, config.vocab_size);
}

// Gives what each reader of a GGUF makes of it; the first error is the file's.
void read_gguf(const fs::path& folder, std::string_view bytes) {
  const fs::path path = put(folder / "model.gguf", bytes);
  constexpr std::size_t kMostElements = 1 << 16;
  const GgufParts parts(path);
  for (const GgufTensor* tensor : parts.tensors()) {
    const GgmlBlock block = block_of(tensor->type);
    const std::size_t elements = tensor->data.size() / block.bytes * block.elements;
    std::vector<float> floats(std::min(elements, kMostElements / 256 * 256));
    try {
      model::dequantise(tensor->type,
                        tensor->data.first(floats.size() / block.elements * block.bytes), floats);
    } catch (const Error& error) {
      fail(path.string() + ": " + error.what());
    }
  }
  try {
    const text::Tokenizer tokenizer = text::load_tokenizer(path);
    (void)tokenizer.encode("One <s>2</s>\n", text::Specials::parse);
  } catch (const Error&) {
    read_gguf_config(parts, path);
    throw;
  }
  read_gguf_config(parts, path);
}

void read_adapter_config(const fs::path& folder, std::string_view bytes) {
  static const model::DecoderConfig config = tiny_config();
  put(folder / lora::kConfigFile, bytes);
  put(folder / lora::kWeightsFile, "");
  const lora::PeftConfig peft = lora::read_peft_config(folder);
  (void)lora::form_of(folder, peft, config);
  (void)lora::peft_record(folder);
  (void)lora::read_peft_options(folder, config);
}

}  // namespace tradeoff::fuzz
