#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff {

/// Element formats of GGUF tensors, with ggml's numbers.
enum class GgmlType : std::uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q8_1 = 9,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  Q8_K = 15,
  IQ4_NL = 20,
  IQ4_XS = 23,
  I8 = 24,
  I16 = 25,
  I32 = 26,
  I64 = 27,
  F64 = 28,
  BF16 = 30,
};

/// "Q4_1".
std::string_view name_of(GgmlType type);
/// Elements and bytes of one block; a row of the first dimension is whole blocks.
struct GgmlBlock {
  std::uint64_t elements, bytes;
};
GgmlBlock block_of(GgmlType type);

struct GgufTensor {
  std::string name;
  GgmlType type;
  std::vector<std::uint64_t> shape;  // ggml order: the first runs fastest; [in, out] of a linear
  std::span<const std::byte> data;   // inside the mapped file; lives as long as the GgufFile
};

/// A GGUF container (versions 2 and 3, little-endian), memory-mapped and validated whole by the
/// constructor: counts, lengths, types, alignment and every tensor's span are checked against the
/// file before they are used. Throws Error naming file, place, found and expected.
class GgufFile {
 public:
  explicit GgufFile(const std::filesystem::path& path);

  bool has(std::string_view key) const { return values_.contains(key); }
  /// All keys, sorted.
  std::vector<std::string> keys() const;
  /// Each throws Error when the key is missing, of another type, or does not fit.
  std::uint64_t uint_value(std::string_view key) const;  // any integer type, not negative
  double real_value(std::string_view key) const;         // F32 or F64, finite
  bool bool_value(std::string_view key) const;
  std::string string_value(std::string_view key) const;
  std::vector<std::string> strings(std::string_view key) const;
  std::vector<std::int64_t> ints(std::string_view key) const;  // an array of any integer type
  std::vector<float> floats(std::string_view key) const;       // an array of F32 or F64, finite

  /// In the order of the file.
  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  bool has_tensor(std::string_view name) const { return places_.contains(name); }
  const GgufTensor& tensor(std::string_view name) const;
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  // One metadata value: where its bytes are. `count` is 1 for a scalar.
  struct Value {
    std::uint32_t type;
    bool array;
    std::uint64_t count;
    std::span<const std::byte> bytes;
  };
  class Reader;

  Value read_value(Reader& reader, const std::string& key) const;
  GgufTensor read_tensor_info(Reader& reader, std::uint64_t& offset) const;
  void place_tensors(std::span<const std::uint64_t> offsets, std::uint64_t data_start);
  const Value& value(std::string_view key, bool array, std::string_view expected) const;
  [[noreturn]] void bad_type(std::string_view key, const Value& value,
                             std::string_view expected) const;
  void check_finite(std::string_view key, double number) const;
  std::int64_t integer(std::string_view key, const Value& value, std::uint64_t index) const;

  MappedFile file_;
  std::map<std::string, Value, std::less<>> values_;
  std::vector<GgufTensor> tensors_;
  std::map<std::string, std::size_t, std::less<>> places_;
};

}  // namespace tradeoff
