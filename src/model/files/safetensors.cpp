#include "tradeoff/model/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <limits>
#include <regex>
#include <set>
#include <utility>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json_problem.hpp"
#include "tradeoff/base/json_tree.hpp"

namespace tradeoff::model {
namespace {

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the format's own bound

constexpr std::array<std::pair<std::string_view, std::size_t>, 10> kDtypes = {{{"F64", 8},
                                                                               {"F32", 4},
                                                                               {"F16", 2},
                                                                               {"BF16", 2},
                                                                               {"I64", 8},
                                                                               {"I32", 4},
                                                                               {"I16", 2},
                                                                               {"I8", 1},
                                                                               {"U8", 1},
                                                                               {"BOOL", 1}}};

Dtype dtype_of(const std::string& name) {
  for (std::size_t i = 0; i < kDtypes.size(); ++i) {
    if (kDtypes[i].first == name) return static_cast<Dtype>(i);
  }
  fail("dtype \"" + name + "\" is not known");
}

std::uint64_t checked_multiply(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) fail("shape overflows 64 bits");
  return product;
}

// The data span [begin, end) of one header entry, checked against its shape and dtype.
std::pair<std::uint64_t, std::uint64_t> read_entry(const Json& entry, StoredTensor& tensor) {
  check(entry.is_object(), "expected an object with dtype, shape and data_offsets");
  tensor.dtype = dtype_of(field<std::string>(entry, "dtype"));
  std::uint64_t size = byte_size(tensor.dtype);
  const auto shape = entry.find("shape"), offsets = entry.find("data_offsets");
  check(shape != entry.end() && shape->is_array(), "shape is not a list");
  for (const Json& dimension : *shape) {
    if (!dimension.is_number_unsigned())
      fail("shape " + to_line(*shape) + " is not a list of sizes");
    size = checked_multiply(size, dimension.get<std::uint64_t>());
    check(dimension.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max(),
          "shape overflows 64 bits");
    tensor.shape.push_back(dimension.get<std::int64_t>());
  }
  const bool pair = offsets != entry.end() && offsets->is_array() && offsets->size() == 2 &&
                    (*offsets)[0].is_number_unsigned() && (*offsets)[1].is_number_unsigned();
  check(pair, "data_offsets is not a pair [begin, end]");
  const auto begin = (*offsets)[0].get<std::uint64_t>(), end = (*offsets)[1].get<std::uint64_t>();
  if (end < begin || end - begin != size) {
    fail(fmt::format("data_offsets [{}, {}] do not hold shape {} of {} ({} bytes)", begin, end,
                     to_line(*shape), name_of(tensor.dtype), size));
  }
  return {begin, end};
}

}  // namespace

std::size_t byte_size(Dtype dtype) {
  return kDtypes[static_cast<std::size_t>(dtype)].second;
}
std::string_view name_of(Dtype dtype) {
  return kDtypes[static_cast<std::size_t>(dtype)].first;
}

void refuse_pickle(std::span<const std::byte> bytes, const std::filesystem::path& path) {
  if (bytes.size() < 4) return;
  const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
  const bool zip = std::memcmp(p, "PK\x03\x04", 4) == 0;
  const bool pickle = p[0] == 0x80 && p[1] >= 2 && p[1] <= 5;
  if (zip || pickle) {
    fail(path.string() + ": a " + (zip ? "zip archive" : "pickle") +
         " (a torch .bin or .pt file can run code when loaded); expected safetensors or GGUF");
  }
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : file_(path) {
  const auto bytes = file_.bytes();
  std::string at;
  try {
    check(bytes.size() >= 8, fmt::format("{} bytes are too short for a header", bytes.size()));
    std::uint64_t header_size = 0;
    std::memcpy(&header_size, bytes.data(), 8);
    if (header_size > kMaxHeader || header_size > bytes.size() - 8) {
      fail(fmt::format("the header says {} bytes, the file has {}: truncated or not safetensors",
                       header_size, bytes.size()));
    }
    const WideJson header =
        parse_tree<WideJson>(file_.text().substr(8, header_size), {.depth = 8, .keys_once = true});
    check(header.is_object(), "the header is not a JSON object");
    const auto data = bytes.subspan(8 + header_size);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> spans;
    for (const auto& [name, entry] : header.items()) {
      at = name;
      if (name == "__metadata__") {
        check(entry.is_object(), "expected an object of strings");
        for (const auto& [key, value] : entry.items()) {
          check(value.is_string(), "metadata values must be strings");
          metadata_[key] = value.get<std::string>();
        }
        continue;
      }
      StoredTensor tensor{.name = name, .dtype = {}, .shape = {}, .bytes = {}};
      const auto span = read_entry(Json(entry), tensor);
      if (span.second > data.size()) {
        fail(fmt::format("ends at byte {} of {} data bytes: the file is truncated", span.second,
                         data.size()));
      }
      tensor.bytes = data.subspan(span.first, span.second - span.first);
      spans.push_back(span);
      tensors_.push_back(std::move(tensor));
    }
    at.clear();
    std::ranges::sort(spans);
    std::uint64_t expected = 0;
    for (const auto& [begin, end] : spans) {
      if (begin != expected)
        fail(fmt::format("tensor data has a hole or an overlap at byte {}", expected));
      expected = end;
    }
    if (expected != data.size()) {
      fail(fmt::format("{} data bytes, but the tensors end at {}", data.size(), expected));
    }
  } catch (const std::exception& error) {
    // Only now: a header of 640 bytes, say, begins like a pickle.
    refuse_pickle(bytes, path);
    fail(path.string() + (at.empty() ? "" : ": tensor " + at) + ": " + json_problem(error));
  }
}

StoredTensors::StoredTensors(const std::filesystem::path& folder) : folder_(folder) {
  const auto single = folder / "model.safetensors", index = folder / "model.safetensors.index.json";
  if (std::filesystem::exists(single)) {
    files_.push_back(std::make_unique<SafetensorsFile>(single));
  } else if (std::filesystem::exists(index)) {
    const WideJson json = read_wide_json(index);
    const auto map = json.find("weight_map");
    check(map != json.end() && map->is_object(), index.string() + ": no \"weight_map\" object");
    std::map<std::string, std::set<std::string>> shards;
    for (const auto& [name, shard] : map->items()) {
      const std::string file = shard.is_string() ? shard.get<std::string>() : "";
      if (file.empty() || file.find('/') != std::string::npos || file.starts_with(".")) {
        fail(index.string() + ": tensor " + name + ": found " + to_line(Json(shard)) +
             ", expected a plain file name");
      }
      shards[file].insert(name);
    }
    for (const auto& [file, names] : shards)
      if (!std::filesystem::exists(folder / file))
        fail(index.string() + ": shard " + file + " is missing from " + folder.string());
    for (const auto& [file, names] : shards) {
      files_.push_back(std::make_unique<SafetensorsFile>(folder / file));
      std::set<std::string> found;
      for (const auto& tensor : files_.back()->tensors()) found.insert(tensor.name);
      // A tied head or a buffer may be named and not stored: missing only where it is asked for.
      for (const std::string& name : names) {
        if (!found.contains(name)) not_in_shard_[name] = file;
      }
    }
  } else {
    fail(folder.string() + ": no model.safetensors and no model.safetensors.index.json" +
         (std::filesystem::exists(folder / "pytorch_model.bin")
              ? " (pytorch_model.bin is a pickle and is not read; convert it to safetensors)"
              : ""));
  }
  for (const auto& file : files_) {
    for (const auto& tensor : file->tensors()) {
      if (!tensors_.emplace(tensor.name, &tensor).second) {
        fail(file->path().string() + ": tensor " + tensor.name + " stands in two shards");
      }
      names_.push_back(tensor.name);
    }
  }
}

std::vector<std::filesystem::path> StoredTensors::files() const {
  std::vector<std::filesystem::path> paths;
  for (const auto& file : files_) paths.push_back(file->path());
  std::ranges::sort(paths);
  return paths;
}

bool StoredTensors::has(std::string_view name) const {
  return tensors_.contains(name);
}

const StoredTensor& StoredTensors::tensor(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    const auto named = not_in_shard_.find(std::string(name));
    fail(folder_.string() + ": tensor " + std::string(name) + " is missing" +
         (named == not_in_shard_.end() ? "" : "; the index says that it is in " + named->second));
  }
  return *found->second;
}

std::size_t TensorSpec::bytes() const {
  std::size_t size = byte_size(dtype);
  for (const std::int64_t dimension : shape) size *= static_cast<std::size_t>(dimension);
  return size;
}

void remove_weights(const std::filesystem::path& folder) {
  static const std::regex shard("model-[0-9]{5}-of-[0-9]{5}\\.safetensors");
  std::vector<std::filesystem::path> old = {folder / "model.safetensors.index.json",
                                            folder / "model.safetensors"};
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (std::regex_match(entry.path().filename().string(), shard)) old.push_back(entry.path());
  }
  for (const std::filesystem::path& file : old) std::filesystem::remove(file);
}

void write_safetensors(const std::filesystem::path& path, std::span<const TensorSpec> tensors,
                       const std::function<std::span<const std::byte>(std::size_t)>& produce) {
  Json header = {{"__metadata__", {{"format", "pt"}}}};
  std::uint64_t offset = 0;
  for (const TensorSpec& tensor : tensors) {
    const std::uint64_t end = offset + tensor.bytes();
    header[tensor.name] = {
        {"dtype", name_of(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  AtomicFile file(path);
  const std::uint64_t size = text.size();
  file.write({reinterpret_cast<const char*>(&size), 8});
  file.write(text);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto bytes = produce(i);
    if (bytes.size() != tensors[i].bytes()) {
      fail(fmt::format("{}: tensor {}: {} bytes for a tensor of {}", path.string(), tensors[i].name,
                       bytes.size(), tensors[i].bytes()));
    }
    file.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  file.commit();
}

}  // namespace tradeoff::model
