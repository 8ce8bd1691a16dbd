#include "tradeoff/base/gguf.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "tradeoff/base/error.hpp"

namespace tradeoff {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place");

// The value types of GGUF's specification, by number.
enum ValueType : std::uint32_t {
  U8,
  I8,
  U16,
  I16,
  U32,
  I32,
  F32,
  Bool,
  String,
  Array,
  U64,
  I64,
  F64
};
constexpr std::array<std::string_view, 13> kTypeNames = {
    "uint8",   "int8",   "uint16", "int16",  "uint32", "int32",  "float32",
    "boolean", "string", "array",  "uint64", "int64",  "float64"};
constexpr std::array<std::uint64_t, 13> kTypeBytes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

// ggml's GGML_MAX_DIMS.
constexpr std::uint32_t kMaxDimensions = 4;

struct Format {
  GgmlType type;
  std::string_view name;
  GgmlBlock block;
};
// Block sizes as in ggml-common.h.
constexpr std::array<Format, 22> kFormats = {{
    {GgmlType::F32, "F32", {1, 4}},         {GgmlType::F16, "F16", {1, 2}},
    {GgmlType::Q4_0, "Q4_0", {32, 18}},     {GgmlType::Q4_1, "Q4_1", {32, 20}},
    {GgmlType::Q5_0, "Q5_0", {32, 22}},     {GgmlType::Q5_1, "Q5_1", {32, 24}},
    {GgmlType::Q8_0, "Q8_0", {32, 34}},     {GgmlType::Q8_1, "Q8_1", {32, 36}},
    {GgmlType::Q2_K, "Q2_K", {256, 84}},    {GgmlType::Q3_K, "Q3_K", {256, 110}},
    {GgmlType::Q4_K, "Q4_K", {256, 144}},   {GgmlType::Q5_K, "Q5_K", {256, 176}},
    {GgmlType::Q6_K, "Q6_K", {256, 210}},   {GgmlType::Q8_K, "Q8_K", {256, 292}},
    {GgmlType::IQ4_NL, "IQ4_NL", {32, 18}}, {GgmlType::IQ4_XS, "IQ4_XS", {256, 136}},
    {GgmlType::I8, "I8", {1, 1}},           {GgmlType::I16, "I16", {1, 2}},
    {GgmlType::I32, "I32", {1, 4}},         {GgmlType::I64, "I64", {1, 8}},
    {GgmlType::F64, "F64", {1, 8}},         {GgmlType::BF16, "BF16", {1, 2}},
}};

const Format* find_format(std::uint32_t number) {
  for (const Format& format : kFormats)
    if (static_cast<std::uint32_t>(format.type) == number) return &format;
  return nullptr;
}

template <typename T>
T load(std::span<const std::byte> bytes, std::uint64_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

std::string_view name_of(GgmlType type) {
  const Format* format = find_format(static_cast<std::uint32_t>(type));
  return format ? format->name : "unknown";
}

GgmlBlock block_of(GgmlType type) {
  const Format* format = find_format(static_cast<std::uint32_t>(type));
  if (!format)
    fail("ggml type " + std::to_string(static_cast<std::uint32_t>(type)) + " is unknown");
  return format->block;
}

// A cursor that never passes the end: every length is compared with what is left before use.
class GgufFile::Reader {
 public:
  explicit Reader(const MappedFile& file) : file_(file) {}

  std::uint64_t left() const { return file_.size() - at_; }
  std::uint64_t at() const { return at_; }

  std::span<const std::byte> take(std::uint64_t bytes, std::string_view what) {
    if (bytes > left())
      bad(std::string(what) + " needs " + std::to_string(bytes) + " bytes, but " +
          std::to_string(left()) + " are left in the file");
    const auto taken = file_.bytes().subspan(at_, bytes);
    at_ += bytes;
    return taken;
  }
  template <typename T>
  T number(std::string_view what) {
    return load<T>(take(sizeof(T), what), 0);
  }
  std::string string(std::string_view what) {
    const auto bytes = take(number<std::uint64_t>(what), what);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  /// A count of things that take at least `least_bytes` each.
  std::uint64_t count(std::string_view what, std::uint64_t least_bytes) {
    const auto found = number<std::uint64_t>(what);
    limit(found, what, least_bytes);
    return found;
  }
  void limit(std::uint64_t found, std::string_view what, std::uint64_t least_bytes) const {
    if (found > left() / least_bytes)
      bad(std::string(what) + " is " + std::to_string(found) + ", but " + std::to_string(left()) +
          " bytes are left in the file");
  }
  [[noreturn]] void bad(const std::string& what) const {
    fail(file_.path().string() + ": byte " + std::to_string(at_) + ": " + what);
  }

 private:
  const MappedFile& file_;
  std::uint64_t at_ = 0;
};

GgufFile::GgufFile(const std::filesystem::path& path) : file_(path) {
  Reader reader(file_);
  if (file_.text().substr(0, 4) != "GGUF") fail(path.string() + ": not a GGUF file (no magic)");
  reader.take(4, "magic");
  const auto version = reader.number<std::uint32_t>("version");
  if (version != 2 && version != 3)
    reader.bad("GGUF version is " + std::to_string(version) +
               ", expected 2 or 3 (little-endian; a big-endian file shows a huge version)");
  const auto tensor_count = reader.number<std::uint64_t>("tensor count");
  const auto value_count = reader.number<std::uint64_t>("metadata count");
  // The least a tensor info and a key with its value can take.
  reader.limit(tensor_count, "tensor count", 8 + 4 + 8 + 4 + 8);
  reader.limit(value_count, "metadata count", 8 + 4 + 1);

  for (std::uint64_t i = 0; i < value_count; ++i) {
    std::string key = reader.string("metadata key");
    const Value value = read_value(reader, key);
    if (!values_.emplace(key, value).second) reader.bad("key \"" + key + "\" stands twice");
  }
  std::vector<std::uint64_t> offsets(tensor_count);
  tensors_.reserve(tensor_count);
  for (std::uint64_t i = 0; i < tensor_count; ++i) {
    tensors_.push_back(read_tensor_info(reader, offsets[i]));
    if (!places_.emplace(tensors_.back().name, i).second)
      reader.bad("tensor \"" + tensors_.back().name + "\" stands twice");
  }
  place_tensors(offsets, reader.at());
}

GgufFile::Value GgufFile::read_value(Reader& reader, const std::string& key) const {
  const std::string what = "key \"" + key + "\"";
  Value value{reader.number<std::uint32_t>(what), false, 1, {}};
  if (value.type == Array) {
    value.array = true;
    value.type = reader.number<std::uint32_t>(what);
    if (value.type == Array) reader.bad(what + " is an array of arrays, which is not supported");
  }
  if (value.type >= kTypeBytes.size())
    reader.bad(what + " has value type " + std::to_string(value.type) + ", expected 0 to 12");
  const std::uint64_t width = kTypeBytes[value.type];
  if (value.array) value.count = reader.count("length of " + what, width ? width : 8);
  if (value.type == String) {
    const std::uint64_t start = reader.at();
    for (std::uint64_t i = 0; i < value.count; ++i)
      reader.take(reader.number<std::uint64_t>(what), what);
    value.bytes = file_.bytes().subspan(start, reader.at() - start);
  } else {
    value.bytes = reader.take(value.count * width, what);  // cannot wrap: count is bounded above
  }
  return value;
}

GgufTensor GgufFile::read_tensor_info(Reader& reader, std::uint64_t& offset) const {
  GgufTensor tensor;
  tensor.name = reader.string("tensor name");
  const std::string what = "tensor \"" + tensor.name + "\"";
  const auto dimensions = reader.number<std::uint32_t>(what);
  if (dimensions < 1 || dimensions > kMaxDimensions)
    reader.bad(what + " has " + std::to_string(dimensions) + " dimensions, expected 1 to 4");
  for (std::uint32_t d = 0; d < dimensions; ++d)
    tensor.shape.push_back(reader.number<std::uint64_t>(what));
  const auto type = reader.number<std::uint32_t>(what);
  const Format* format = find_format(type);
  if (!format)
    reader.bad(what + " has ggml type " + std::to_string(type) + ", which is not supported");
  tensor.type = format->type;
  offset = reader.number<std::uint64_t>(what);

  // The byte count, with every product checked; place_tensors gives the span its address.
  if (tensor.shape[0] % format->block.elements != 0)
    reader.bad(what + " has rows of " + std::to_string(tensor.shape[0]) +
               " elements, expected a multiple of " + std::to_string(format->block.elements) +
               " for " + std::string(format->name));
  std::uint64_t bytes = tensor.shape[0] / format->block.elements;
  bool wrapped = __builtin_mul_overflow(bytes, format->block.bytes, &bytes);
  for (std::uint32_t d = 1; d < dimensions; ++d)
    wrapped |= __builtin_mul_overflow(bytes, tensor.shape[d], &bytes);
  if (wrapped || bytes > file_.size())
    reader.bad(what + " is larger than the file (" + std::to_string(file_.size()) + " bytes)");
  for (const std::uint64_t size : tensor.shape)
    if (size == 0) reader.bad(what + " has a dimension of 0");
  tensor.data = file_.bytes().first(bytes);
  return tensor;
}

// Tensors follow each other in order, each from a multiple of the alignment, as ggml writes and
// demands them: so none can overlap another or the header.
void GgufFile::place_tensors(std::span<const std::uint64_t> offsets, std::uint64_t header_end) {
  const std::uint64_t alignment = has("general.alignment") ? uint_value("general.alignment") : 32;
  if (!std::has_single_bit(alignment) || alignment > (std::uint64_t{1} << 31))
    fail(path().string() + ": key \"general.alignment\": found " + std::to_string(alignment) +
         ", expected a power of two");
  const auto aligned = [&](std::uint64_t at) {
    // No wrap: `at` is a sum of two sizes of this file at most, and alignment at most 2^31.
    return (at + alignment - 1) & ~(alignment - 1);
  };
  const std::uint64_t data_start = aligned(header_end);
  std::uint64_t expected = 0;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    GgufTensor& tensor = tensors_[i];
    const std::uint64_t bytes = tensor.data.size();
    if (offsets[i] != expected)
      fail(path().string() + ": tensor \"" + tensor.name + "\": found offset " +
           std::to_string(offsets[i]) + ", expected " + std::to_string(expected));
    if (data_start > file_.size() || expected > file_.size() - data_start ||
        bytes > file_.size() - data_start - expected)
      fail(path().string() + ": tensor \"" + tensor.name + "\" needs " + std::to_string(bytes) +
           " bytes from byte " + std::to_string(data_start + expected) + ", but the file has " +
           std::to_string(file_.size()) + " (truncated?)");
    tensor.data = file_.bytes().subspan(data_start + expected, bytes);
    expected = aligned(expected + bytes);
  }
}

std::vector<std::string> GgufFile::keys() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : values_) names.push_back(name);
  return names;
}

const GgufTensor& GgufFile::tensor(std::string_view name) const {
  const auto found = places_.find(name);
  if (found == places_.end())
    fail(path().string() + ": no tensor \"" + std::string(name) + "\" among its " +
         std::to_string(tensors_.size()));
  return tensors_[found->second];
}

const GgufFile::Value& GgufFile::value(std::string_view key, bool array,
                                       std::string_view expected) const {
  const auto found = values_.find(key);
  if (found == values_.end())
    fail(path().string() + ": missing key \"" + std::string(key) + "\", expected " +
         std::string(expected));
  if (found->second.array != array) bad_type(key, found->second, expected);
  return found->second;
}

void GgufFile::bad_type(std::string_view key, const Value& value, std::string_view expected) const {
  fail(path().string() + ": key \"" + std::string(key) + "\": found " +
       (value.array ? "an array of " : "") + std::string(kTypeNames[value.type]) + ", expected " +
       std::string(expected));
}

void GgufFile::check_finite(std::string_view key, double number) const {
  if (std::isfinite(number)) return;
  fail(path().string() + ": key \"" + std::string(key) + "\": found " + std::to_string(number) +
       ", expected a finite number");
}

std::int64_t GgufFile::integer(std::string_view key, const Value& value,
                               std::uint64_t index) const {
  switch (value.type) {
    case U8:
      return load<std::uint8_t>(value.bytes, index);
    case I8:
      return load<std::int8_t>(value.bytes, index);
    case U16:
      return load<std::uint16_t>(value.bytes, index);
    case I16:
      return load<std::int16_t>(value.bytes, index);
    case U32:
      return load<std::uint32_t>(value.bytes, index);
    case I32:
      return load<std::int32_t>(value.bytes, index);
    case I64:
      return load<std::int64_t>(value.bytes, index);
    case U64: {
      const auto found = load<std::uint64_t>(value.bytes, index);
      if (found > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        fail(path().string() + ": key \"" + std::string(key) + "\": found " +
             std::to_string(found) + ", expected at most 2^63 - 1");
      return static_cast<std::int64_t>(found);
    }
    default:
      bad_type(key, value, value.array ? "an array of integers" : "an integer");
  }
}

std::uint64_t GgufFile::uint_value(std::string_view key) const {
  const Value& found = value(key, false, "an integer");
  const std::int64_t number = integer(key, found, 0);
  if (number < 0)
    fail(path().string() + ": key \"" + std::string(key) + "\": found " + std::to_string(number) +
         ", expected no negative number");
  return static_cast<std::uint64_t>(number);
}

double GgufFile::real_value(std::string_view key) const {
  const Value& found = value(key, false, "a real number");
  if (found.type != F32 && found.type != F64) bad_type(key, found, "a real number");
  const double number =
      found.type == F32 ? load<float>(found.bytes, 0) : load<double>(found.bytes, 0);
  check_finite(key, number);
  return number;
}

bool GgufFile::bool_value(std::string_view key) const {
  const Value& found = value(key, false, "a boolean");
  if (found.type != Bool) bad_type(key, found, "a boolean");
  return load<std::uint8_t>(found.bytes, 0) != 0;
}

std::string GgufFile::string_value(std::string_view key) const {
  const Value& found = value(key, false, "a string");
  if (found.type != String) bad_type(key, found, "a string");
  const auto text = found.bytes.subspan(8);  // after the length, which the constructor checked
  return {reinterpret_cast<const char*>(text.data()), text.size()};
}

std::vector<std::string> GgufFile::strings(std::string_view key) const {
  const Value& found = value(key, true, "an array of strings");
  if (found.type != String) bad_type(key, found, "an array of strings");
  std::vector<std::string> texts;
  texts.reserve(found.count);
  auto bytes = found.bytes;
  for (std::uint64_t i = 0; i < found.count; ++i) {
    const auto length = load<std::uint64_t>(bytes, 0);
    texts.emplace_back(reinterpret_cast<const char*>(bytes.data()) + 8, length);
    bytes = bytes.subspan(8 + length);
  }
  return texts;
}

std::vector<std::int64_t> GgufFile::ints(std::string_view key) const {
  const Value& found = value(key, true, "an array of integers");
  std::vector<std::int64_t> numbers(found.count);
  for (std::uint64_t i = 0; i < found.count; ++i) numbers[i] = integer(key, found, i);
  if (numbers.empty() && found.type > I32 && found.type != U64 && found.type != I64)
    bad_type(key, found, "an array of integers");
  return numbers;
}

std::vector<float> GgufFile::floats(std::string_view key) const {
  const Value& found = value(key, true, "an array of real numbers");
  if (found.type != F32 && found.type != F64) bad_type(key, found, "an array of real numbers");
  std::vector<float> numbers(found.count);
  for (std::uint64_t i = 0; i < found.count; ++i)
    numbers[i] = found.type == F32 ? load<float>(found.bytes, i)
                                   : static_cast<float>(load<double>(found.bytes, i));
  for (const float number : numbers) check_finite(key, number);
  return numbers;
}

}  // namespace tradeoff
