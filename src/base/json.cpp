#include "tradeoff/base/json.hpp"

#include <fmt/format.h>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json_file.hpp"
#include "tradeoff/base/json_problem.hpp"
#include "tradeoff/base/json_tree.hpp"
#include "tradeoff/base/lines.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/base/utf8.hpp"

namespace tradeoff {
namespace {

std::string_view without_bom(std::string_view text) {
  return text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text;
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
  return parse_tree<Json>(text, {.keys = kMaxKeys});
}

Json read_json(const std::filesystem::path& path) {
  return read(path, parse_json);
}

WideJson read_wide_json(const std::filesystem::path& path) {
  return read(path, [](std::string_view text) { return parse_tree<WideJson>(text, {}); });
}

void for_each_json_line(const std::filesystem::path& path,
                        const std::function<void(Json&, std::size_t)>& row) {
  const MappedFile file(path);
  Lines lines(without_bom(file.text()));
  while (const auto text = lines.next()) {
    if (text->find_first_not_of(" \t\r") == std::string_view::npos) continue;
    try {
      check(lines.end() != Lines::End::too_long, kNoLineEnd);
      Json value = parse_json(*text);
      check(value.is_object(), "expected a JSON object, one a line");
      row(value, lines.number());
    } catch (const std::exception& error) {
      fail(fmt::format("{}:{}: {}", path.string(), lines.number(), error.what()));
    }
  }
}

std::string json_problem(const std::exception& error) {
  const std::string_view what = error.what();
  const std::size_t tag = what.starts_with("[json.exception.") ? what.find("] ") : what.npos;
  return with_bytes_named(tag == what.npos ? what : what.substr(tag + 2));
}

std::string detail::shown(const Json& value) {
  std::string text = to_line(value);
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}

std::string to_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_lines(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tradeoff
