#include <fmt/format.h>

#include "tradeoff/base/error.hpp"
#include "tradeoff/model/config.hpp"

namespace tradeoff::model {
namespace {

std::vector<std::int32_t> ids_of(const Json& json, std::string_view key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return {};
  if (found->is_number()) return {field<std::int32_t>(json, key)};
  return field<std::vector<std::int32_t>>(json, key);
}

}  // namespace

std::vector<std::int32_t> read_eos_ids(const std::filesystem::path& model_folder,
                                       std::int64_t vocab_size) {
  for (const char* name : {"generation_config.json", "config.json"}) {
    const auto path = model_folder / name;
    if (!std::filesystem::exists(path)) continue;
    try {
      const Json json = read_json(path);
      check(json.is_object(), "expected a JSON object");
      auto ids = ids_of(json, "eos_token_id");
      for (const std::int32_t id : ids) {
        if (id < 0 || id >= vocab_size) {
          fail(fmt::format("key \"eos_token_id\": found {}, expected 0 to {}", id, vocab_size - 1));
        }
      }
      if (!ids.empty()) return ids;
    } catch (const Error& error) {
      fail(path.string() + ": " + error.what());
    }
  }
  fail(model_folder.string() +
       ": neither generation_config.json nor config.json names an eos_token_id");
}

}  // namespace tradeoff::model
