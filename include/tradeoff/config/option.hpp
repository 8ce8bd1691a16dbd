#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/config/value.hpp"

namespace tradeoff::config {

/// What --threads takes at most: more than any machine has, few enough to be started.
inline constexpr double kMostThreads = 1024;

/// A field of an options struct under its name: made by OptionTable::add, refined by the calls
/// below.
class Option {
 public:
  Option(std::string section, std::string name, std::string help);

  /// Must be given somewhere.
  Option& required();
  /// Says where or how to work, not what is computed (paths, threads, device): left out of the
  /// record stored with results.
  Option& local();
  /// Stands in the record only where it differs from its default, so that records of before it was
  /// there stay as they are.
  Option& recorded_where_set();
  /// A key without its section sets it in each section that has it.
  Option& shared();
  /// Bounds of a number, or of each number of a list.
  Option& at_least(double low);
  Option& above(double low);
  Option& at_most(double high);
  /// A list of text takes commas as separators; lists of numbers and of choices always do.
  Option& commas();
  /// `\n`, `\t` and `\\` in text stand for the character.
  Option& escaped();
  /// What --help shows for the value, such as "DIR".
  Option& placeholder(std::string text);

  /// Replaces the value, or adds to a list when `append`. Returns "" or, where `text` is wrong,
  /// what was expected.
  std::string set(std::string_view text, bool append);
  Json value() const { return value_(); }

  const std::string& section() const { return section_; }
  const std::string& name() const { return name_; }
  const std::string& help() const { return help_; }
  const std::vector<std::string>& aliases() const { return aliases_; }
  const std::string& shown() const { return placeholder_; }
  /// "shots", or "TASK.shots" of a section.
  std::string full_name() const { return section_.empty() ? name_ : section_ + "." + name_; }
  bool is_flag() const { return flag_; }
  bool is_list() const { return list_; }
  bool is_path() const { return path_; }
  bool is_required() const { return required_; }
  bool is_shared() const { return shared_; }
  bool is_recorded() const { return !local_ && !(sparse_ && value_() == default_); }

 private:
  friend class OptionTable;
  struct Bound {
    std::function<bool(double)> holds;
    std::string text;
  };
  template <typename T>
  void bind(T* field, Kind<T> kind);
  template <typename T>
  void bind(std::optional<T>* field, Kind<T> kind);
  template <typename T>
  void bind(std::vector<T>* field, Kind<T> kind);
  bool within_bounds() const;
  std::string expected() const;
  /// expected(), and what `text` may mean.
  std::string expected_for(std::string_view text) const;

  std::string section_, name_, help_, expected_, placeholder_;
  std::vector<std::string> aliases_;
  bool flag_ = false, list_ = false, commas_ = false, escaped_ = false;
  bool required_ = false, local_ = false, shared_ = false, sparse_ = false, path_ = false;
  Json default_;
  std::vector<Bound> bounds_;
  std::function<void()> clear_;
  std::function<bool(std::string_view)> take_;
  std::function<std::string(std::string_view)> asks_;
  std::function<Json()> value_;
};

template <typename T>
void Option::bind(T* field, Kind<T> kind) {
  flag_ = std::is_same_v<T, bool>;
  path_ = std::is_same_v<T, std::filesystem::path>;
  expected_ = kind.expected;
  asks_ = kind.asks;
  placeholder_ = kind.placeholder;
  clear_ = [] {};
  take_ = [field, parse = kind.parse](std::string_view text) {
    auto parsed = parse(text);
    if (parsed) *field = std::move(*parsed);
    return parsed.has_value();
  };
  value_ = [field, json = kind.json] { return json(*field); };
}

// "none" takes the value away again, so that an arm can undo what its base gives.
template <typename T>
void Option::bind(std::optional<T>* field, Kind<T> kind) {
  flag_ = std::is_same_v<T, bool>;
  path_ = std::is_same_v<T, std::filesystem::path>;
  expected_ = kind.expected + ", or none";
  asks_ = kind.asks;
  placeholder_ = kind.placeholder;
  clear_ = [] {};
  take_ = [field, parse = kind.parse](std::string_view text) {
    auto parsed = text == "none" ? std::nullopt : parse(text);
    if (parsed || text == "none") *field = std::move(parsed);
    return parsed || text == "none";
  };
  value_ = [field, json = kind.json] { return *field ? json(**field) : Json(nullptr); };
}

template <typename T>
void Option::bind(std::vector<T>* field, Kind<T> kind) {
  list_ = true;
  path_ = std::is_same_v<T, std::filesystem::path>;
  commas_ = !std::is_same_v<T, std::string> && !std::is_same_v<T, std::filesystem::path>;
  expected_ = kind.expected;
  placeholder_ = kind.placeholder;
  clear_ = [field] { field->clear(); };
  take_ = [field, parse = kind.parse](std::string_view text) {
    auto parsed = parse(text);
    if (parsed) field->push_back(std::move(*parsed));
    return parsed.has_value();
  };
  value_ = [field, json = kind.json] {
    Json values = Json::array();
    for (const T& value : *field) values.push_back(json(value));
    return values;
  };
}

}  // namespace tradeoff::config
