#pragma once
#include "value.hpp"

namespace tradeoff::text::jinja {

// Each refuses by name what it does not know.
Value apply_filter(const std::string& name, const Value& value, const Arguments& arguments);
bool apply_test(const std::string& name, const Value& value, const Arguments& arguments);
/// object.name or object["name"]; undefined where there is none.
Value attribute(const Value& object, const std::string& name, bool methods_first);
Value item(const Value& object, const Value& index);
Value slice(const Value& object, const Value& from, const Value& to, const Value& step);
Value binary(const std::string& sign, const Value& left, const Value& right);

/// Python's strftime of midnight of `date`, YYYY-MM-DD.
std::string format_date(const std::string& date, const std::string& format);

/// What an argument of a wrong type is refused with.
std::int64_t integer_of(const Value& value, const std::string& what);
const Text& text_of_value(const Value& value, const std::string& what);
Text replaced(const Text& text, const std::string& from, const Text& to, std::int64_t most);
/// Python's str.lower and the like: which = "upper", "lower", "title", "capitalize".
Text cased(const Text& text, const std::string& which);

}  // namespace tradeoff::text::jinja
