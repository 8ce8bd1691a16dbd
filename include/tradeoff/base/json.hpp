#pragma once
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace tradeoff {

/// Keys keep the order they were written in, so equal objects give equal bytes.
using Json = nlohmann::ordered_json;

/// Keys of one object that parse_json takes at most: Json finds a key by looking at all of them.
inline constexpr std::size_t kMaxKeys = 16384;

/// Parses `text`. Throws Error, also where it is nested deeper than 256 levels (the parser
/// recurses) or an object has more than kMaxKeys keys: every text from outside is parsed by this.
Json parse_json(std::string_view text);

/// The same for objects of any number of keys, which come in the order of their names: vocabularies
/// and lists of tensors.
using WideJson = nlohmann::json;
WideJson read_wide_json(const std::filesystem::path& path);

/// Parses the whole file. Errors name the file and the byte; a byte-order mark is accepted,
/// trailing text is not.
Json read_json(const std::filesystem::path& path);

/// Calls `row(value, line)` for each non-blank line of a JSONL file; `line` counts from 1.
/// A line that is not a JSON object is an Error "FILE:LINE: ...". Errors thrown by `row` get
/// FILE:LINE put before them.
void for_each_json_line(const std::filesystem::path& path,
                        const std::function<void(Json&, std::size_t line)>& row);

/// One line of JSONL without the newline; bytes that are not UTF-8 become U+FFFD.
std::string to_line(const Json& value);

/// `value` as T: an integer within T's range (2.0 is none), a finite number, true or false, a
/// string, an array of such, or Json as it is. Throws Error("found ..., expected ..."). Every
/// number that comes out of a file is read by this or by field().
template <typename T>
T value_as(const Json& value);

/// value.at(key) as T, or an Error naming the key, what was found and what was expected ("a
/// string").
template <typename T>
T field(const Json& object, std::string_view key);
/// The same where `key` may be absent or null.
template <typename T>
T field_or(const Json& object, std::string_view key, T fallback);

}  // namespace tradeoff

#include "tradeoff/base/json_field.hpp"
