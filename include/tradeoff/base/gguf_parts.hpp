#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/base/gguf.hpp"

namespace tradeoff {

/// A model in one GGUF file, or in several as llama.cpp's gguf-split writes them
/// ("NAME-00001-of-00003.gguf"): the first holds the keys, all of them tensors.
class GgufParts {
 public:
  /// `path` names the file or the first part; the others stand beside it. Throws Error naming the
  /// file where a part is missing, is another's, or a tensor stands twice.
  explicit GgufParts(const std::filesystem::path& path);

  /// The file with the keys.
  const GgufFile& head() const { return *files_.front(); }
  /// In the order of the files; each lives as long as this.
  const std::vector<const GgufTensor*>& tensors() const { return tensors_; }
  bool has_tensor(std::string_view name) const { return places_.contains(name); }
  const GgufTensor& tensor(std::string_view name) const;

 private:
  void add(std::unique_ptr<GgufFile> file);
  void open_others(std::uint64_t count);

  std::vector<std::unique_ptr<GgufFile>> files_;
  std::vector<const GgufTensor*> tensors_;
  std::map<std::string, const GgufTensor*, std::less<>> places_;
};

}  // namespace tradeoff
