#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/base/json.hpp"

/// Files that grow line by line and outlive a kill: each line is a JSON object whose first key is
/// the CRC-32C of its rest, {"crc32c":"1f2e3d4c",...}. The journals and train.jsonl are such files.
namespace tradeoff::store {

/// `object` (not empty) as a line with its checksum and its newline, at most kLongestLine bytes.
std::string seal(const Json& object);

/// The object of a line (without its newline); nullopt when the line is not as it was written.
std::optional<Json> unseal(std::string_view line);

struct SealedLine {
  std::optional<Json> object;  // nullopt: damaged
  std::size_t number = 0;      // from 1
};

/// Every line that has its newline; a last one without, as a kill leaves it, is passed over. Where
/// none ends within kLongestLine bytes, that is the last one, damaged.
std::vector<SealedLine> read_sealed(const std::filesystem::path& path);

enum class Begin { new_file, existing };

/// A file open for appending. A write that fails is an Error naming the path, and after it the
/// file takes nothing more: what follows a torn line would be lost with it.
class AppendFile {
 public:
  AppendFile(std::filesystem::path path, Begin begin);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  /// Outlives this process when it returns, but not the machine.
  void append(std::string_view lines);
  /// What was appended is on disk when it returns.
  void sync();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  bool broken_ = false;
};

}  // namespace tradeoff::store
