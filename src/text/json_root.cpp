#include "json_root.hpp"

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_size.hpp"
#include "tradeoff/base/json_problem.hpp"
#include "tradeoff/base/json_tree.hpp"

namespace tradeoff::text {
namespace {

// The byte where `text` is nested deeper than printing a value, which recurses, may be; else npos.
std::size_t too_deep_at(std::string_view text) {
  constexpr int kDeepest = 64;
  int depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') quoted = !quoted;
    if (c == '\\' && quoted) ++at;
    if (quoted) continue;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth > kDeepest) return at;
  }
  return std::string_view::npos;
}

}  // namespace

JsonObject read_json_root(const std::filesystem::path& path) {
  const auto bad = [&](const std::string& what) { fail(path.string() + ": " + what); };
  const MappedFile file(path);
  check_size(file, kMostTokenizerMiB);
  if (const std::size_t at = too_deep_at(file.text()); at != std::string_view::npos)
    bad("byte " + std::to_string(at) + ": nested deeper than 64 levels");
  JsonObject root;
  try {
    check_no_nul(file.text());
    root = JsonObject::parse(file.text());
  } catch (const std::exception& error) {
    bad(json_problem(error));
  }
  if (!root.is_object()) bad("expected an object");
  return root;
}

const JsonObject& json_at(const JsonObject& object, const char* key) {
  static const JsonObject null;
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

std::string shown_json(const JsonObject& value, std::size_t most) {
  std::string text = value.dump(-1, ' ', false, JsonObject::error_handler_t::replace);
  return text.size() > most ? text.substr(0, most - 3) + "..." : text;
}

}  // namespace tradeoff::text
