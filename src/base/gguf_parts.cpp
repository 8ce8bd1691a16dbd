#include "tradeoff/base/gguf_parts.hpp"

#include <fmt/format.h>

#include <utility>

#include "tradeoff/base/error.hpp"

namespace tradeoff {
namespace {

// Keys of gguf-split.
constexpr const char *kNumber = "split.no", *kCount = "split.count",
                     *kTensors = "split.tensors.count";
// Its names have five digits.
constexpr std::uint64_t kMostParts = 99999;

std::string ending(std::uint64_t number, std::uint64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
}

void expect(const GgufFile& file, const char* key, std::uint64_t expected) {
  const std::uint64_t found = file.uint_value(key);
  check(found == expected, fmt::format("{}: key \"{}\": found {}, expected {}",
                                       file.path().string(), key, found, expected));
}

}  // namespace

GgufParts::GgufParts(const std::filesystem::path& path) {
  add(std::make_unique<GgufFile>(path));
  if (!head().has(kCount)) return;
  const std::uint64_t count = head().uint_value(kCount);
  if (count <= 1) return;
  check(count <= kMostParts, fmt::format("{}: key \"{}\": found {}, expected at most {}",
                                         path.string(), kCount, count, kMostParts));
  open_others(count);
  if (head().has(kTensors)) expect(head(), kTensors, tensors_.size());
}

void GgufParts::open_others(std::uint64_t count) {
  const std::filesystem::path& path = head().path();
  const std::string name = path.filename().string();
  const std::uint64_t number = head().uint_value(kNumber);
  check(number == 0, fmt::format("{}: part {} of {}; name the first, whose name ends in {}",
                                 path.string(), number + 1, count, ending(0, count)));
  check(name.ends_with(ending(0, count)),
        fmt::format("{}: the first of {} parts; expected a name that ends in {}, by which the "
                    "others are found",
                    path.string(), count, ending(0, count)));
  const std::string stem = name.substr(0, name.size() - ending(0, count).size());
  for (std::uint64_t i = 1; i < count; ++i) {
    auto part = std::make_unique<GgufFile>(path.parent_path() / (stem + ending(i, count)));
    expect(*part, kCount, count);
    expect(*part, kNumber, i);
    add(std::move(part));
  }
}

void GgufParts::add(std::unique_ptr<GgufFile> file) {
  for (const GgufTensor& tensor : file->tensors()) {
    tensors_.push_back(&tensor);
    check(places_.emplace(tensor.name, &tensor).second,
          fmt::format("{}: tensor {} stands in an earlier part too", file->path().string(),
                      tensor.name));
  }
  files_.push_back(std::move(file));
}

const GgufTensor& GgufParts::tensor(std::string_view name) const {
  const auto found = places_.find(name);
  if (found != places_.end()) return *found->second;
  fail(fmt::format("{}: no tensor \"{}\" among the {} of {} file(s)", head().path().string(), name,
                   tensors_.size(), files_.size()));
}

}  // namespace tradeoff
