#include "tradeoff/store/difference.hpp"

#include <fmt/format.h>

namespace tradeoff::store {
namespace {

constexpr std::size_t kShown = 80;

std::string shown(const Json* value) {
  if (!value) return "absent";
  const std::string text = to_line(*value);
  if (text.size() <= kShown) return text;
  return fmt::format("{}... ({} bytes)", text.substr(0, kShown), text.size());
}

const Json* find(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

void compare(const std::string& path, const Json* before, const Json* now,
             std::vector<std::string>& lines) {
  if (before && now && before->is_object() && now->is_object()) {
    const std::string prefix = path.empty() ? "" : path + ".";
    for (const auto& [key, value] : before->items()) {
      compare(prefix + key, &value, find(*now, key), lines);
    }
    for (const auto& [key, value] : now->items()) {
      if (!before->contains(key)) compare(prefix + key, nullptr, &value, lines);
    }
    return;
  }
  if (before && now && *before == *now) return;
  lines.push_back(fmt::format("{}: {} before, {} now", path, shown(before), shown(now)));
}

}  // namespace

std::vector<std::string> differences(const Json& before, const Json& now) {
  std::vector<std::string> lines;
  compare("", &before, &now, lines);
  return lines;
}

}  // namespace tradeoff::store
