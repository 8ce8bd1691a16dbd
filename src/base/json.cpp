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

void check_depth(int depth) {
  if (depth > kMaxDepth) fail(fmt::format("nested deeper than {} levels", kMaxDepth));
}

template <typename T, typename Guard>
T parse(std::string_view text, const Guard& guard) {
  try {
    return T::parse(text.begin(), text.end(), guard);
  } catch (const typename T::exception& error) {
    fail(error.what());
  }
}

template <typename Parse>
auto read(const std::filesystem::path& path, const Parse& parse_text) {
  const MappedFile file(path);
  try {
    return parse_text(without_bom(file.text()));
  } catch (const std::exception& error) {
    fail(fmt::format("{}: not JSON: {}", path.string(), error.what()));
  }
}

}  // namespace

Json parse_json(std::string_view text) {
  std::vector<std::size_t> keys;  // of the objects that are open
  const auto guard = [&](int depth, Json::parse_event_t event, Json&) {
    check_depth(depth);
    if (event == Json::parse_event_t::object_start) keys.push_back(0);
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && ++keys.back() > kMaxKeys) {
      fail(fmt::format("an object has more than {} keys", kMaxKeys));
    }
    return true;
  };
  return parse<Json>(text, guard);
}

Json read_json(const std::filesystem::path& path) {
  return read(path, parse_json);
}

WideJson read_wide_json(const std::filesystem::path& path) {
  return read(path, [](std::string_view text) {
    return parse<WideJson>(text, [](int depth, WideJson::parse_event_t, WideJson&) {
      check_depth(depth);
      return true;
    });
  });
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

std::string detail::shown(const Json& value) {
  std::string text = to_line(value);
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}

std::string to_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace tradeoff
