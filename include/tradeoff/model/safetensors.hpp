#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff::model {

enum class Dtype { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

std::size_t byte_size(Dtype dtype);
/// The format's own names: "F32", "BF16", "U8", ...
std::string_view name_of(Dtype dtype);

/// A tensor inside a mapped file; `bytes` lives as long as the file object.
struct StoredTensor {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

/// One .safetensors file, mapped. The constructor checks the whole header before anything is used:
/// length, UTF-8 JSON, known dtypes, offsets contiguous from 0 to the exact end of the file, shape
/// × dtype size = span, names unique. Pickle and zip files (.bin, .pt) are refused by content.
/// Errors name the file and the tensor.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);
  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  MappedFile file_;
  std::vector<StoredTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// All tensors of a folder: model.safetensors, or the shards that model.safetensors.index.json
/// names (plain file names). A tensor that the index names and its shard lacks is missing only
/// where it is asked for.
class StoredTensors {
 public:
  explicit StoredTensors(const std::filesystem::path& folder);
  bool has(std::string_view name) const;
  /// Error naming the folder when the tensor is missing.
  const StoredTensor& tensor(std::string_view name) const;
  const std::vector<std::string>& names() const { return names_; }
  /// The files that its tensors stand in, in the order of their names.
  std::vector<std::filesystem::path> files() const;
  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, const StoredTensor*, std::less<>> tensors_;
  std::map<std::string, std::string> not_in_shard_;  // tensor: the shard that the index names
  std::vector<std::string> names_;
};

struct TensorSpec {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;
  std::size_t bytes() const;
};

/// Removes the weights of a model folder: model.safetensors, its shards and their index, so that
/// none stays beside those that are written next.
void remove_weights(const std::filesystem::path& folder);

/// Writes the file atomically with metadata {"format": "pt"}; tensors stand in the given order.
/// `produce(i)` gives the bytes of tensor i, valid until the next call, so that a large model is
/// never held whole.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorSpec> tensors,
                       const std::function<std::span<const std::byte>(std::size_t)>& produce);

/// Throws Error when the first bytes are a zip archive's or a pickle's: such files can run code
/// when loaded.
void refuse_pickle(std::span<const std::byte> bytes, const std::filesystem::path& path);

}  // namespace tradeoff::model
