#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace tradeoff {

/// SHA-256 of `bytes` as 64 lower-case hex digits.
std::string sha256(std::string_view bytes);
std::string sha256_file(const std::filesystem::path& path);

/// CRC-32C (Castagnoli), the checksum of journal lines.
std::uint32_t crc32c(std::string_view bytes);

/// SHA-256 fed piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::string_view bytes);
  /// Hex digest; the object may not be used afterwards.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tradeoff
