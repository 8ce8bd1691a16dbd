#include "tradeoff/base/json_tree.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json_problem.hpp"

namespace tradeoff {
namespace {

// Takes the parser's events (nlohmann's json_sax).
template <typename T>
class Builder {
 public:
  explicit Builder(const JsonRules& rules) : rules_(rules) {}
  T take() { return std::move(root_); }

  bool null() { return put(nullptr); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(std::int64_t value) { return put(value); }
  bool number_unsigned(std::uint64_t value) { return put(value); }
  bool number_float(double value, const std::string&) { return put(value); }
  bool string(std::string& value) { return put(std::move(value)); }
  bool binary(typename T::binary_t&) { fail("binary values are no JSON"); }

  bool start_object(std::size_t) { return open(T::object()); }
  bool start_array(std::size_t) { return open(T::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    auto& object = open_.back()->template get_ref<typename T::object_t&>();
    const std::size_t before = object.size();
    target_ = &object[name];
    const bool is_new = object.size() > before;
    if (!is_new && rules_.keys_once) fail(fmt::format("key \"{}\" stands twice", name));
    if (object.size() > rules_.keys)
      fail(fmt::format("an object has more than {} keys", rules_.keys));
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
    fail(json_problem(error));
  }

 private:
  // Where the next value goes: the document itself, behind a list's last value, or at the key.
  template <typename Value>
  T& place(Value&& value) {
    if (open_.empty()) return root_ = std::forward<Value>(value);
    if (open_.back()->is_array())
      return open_.back()->template get_ref<typename T::array_t&>().emplace_back(
          std::forward<Value>(value));
    return *target_ = std::forward<Value>(value);
  }
  template <typename Value>
  bool put(Value&& value) {
    place(std::forward<Value>(value));
    return true;
  }
  bool open(T value) {
    if (static_cast<int>(open_.size()) >= rules_.depth)
      fail(fmt::format("nested deeper than {} levels", rules_.depth));
    open_.push_back(&place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  const JsonRules& rules_;
  T root_;
  // Objects and lists that are not ended. Each stays where it is: what holds it grows only when it
  // has ended.
  std::vector<T*> open_;
  T* target_ = nullptr;
};

}  // namespace

void check_no_nul(std::string_view text) {
  if (const std::size_t at = text.find('\0'); at != text.npos)
    fail(fmt::format("byte {}: found a NUL byte, which JSON has nowhere", at));
}

template <typename T>
T parse_tree(std::string_view text, const JsonRules& rules) {
  check_no_nul(text);
  Builder<T> builder(rules);
  T::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

template Json parse_tree<Json>(std::string_view, const JsonRules&);
template WideJson parse_tree<WideJson>(std::string_view, const JsonRules&);

}  // namespace tradeoff
