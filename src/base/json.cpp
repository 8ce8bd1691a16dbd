#include "tradeoff/base/json.hpp"

#include <fmt/format.h>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff {
namespace {

std::string_view without_bom(std::string_view text) {
  return text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text;
}

// nlohmann recurses while it parses; refuse nesting that only an attack has.
constexpr int kMaxDepth = 256;

}  // namespace

Json parse_json(std::string_view text) {
  const auto guard = [](int depth, Json::parse_event_t, Json&) {
    if (depth > kMaxDepth) fail(fmt::format("nested deeper than {} levels", kMaxDepth));
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), guard);
  } catch (const Json::exception& error) {
    fail(error.what());
  }
}

Json read_json(const std::filesystem::path& path) {
  const MappedFile file(path);
  try {
    return parse_json(without_bom(file.text()));
  } catch (const std::exception& error) {
    fail(fmt::format("{}: not JSON: {}", path.string(), error.what()));
  }
}

void for_each_json_line(const std::filesystem::path& path,
                        const std::function<void(Json&, std::size_t)>& row) {
  const MappedFile file(path);
  std::string_view rest = without_bom(file.text());
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    try {
      Json value = parse_json(text);
      check(value.is_object(), "expected a JSON object, one a line");
      row(value, line);
    } catch (const std::exception& error) {
      fail(fmt::format("{}:{}: {}", path.string(), line, error.what()));
    }
  }
}

std::string to_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace tradeoff
