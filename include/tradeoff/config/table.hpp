#pragma once
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/config/option.hpp"
#include "tradeoff/config/problems.hpp"

namespace tradeoff::config {

/// One thing the user wrote: a key and its text, and where it stands.
struct Setting {
  std::string section;  // of the INI file; empty on the command line
  std::string key;
  std::string text;
  std::string layer;  // what it is part of: a file, an arm, "" for the command line
  std::string where;  // "--seeds", "jobs/demo.ini:7"
  // Of its file: relative paths are from here. Empty: from the working directory.
  std::filesystem::path folder = {};
};

/// What to do with a key that a table does not hold.
enum class Unknown { report, ignore };

/// The names of an options struct's fields: makes the parser, --help, the printed banner and the
/// record stored with results, so that these never drift apart. The fields must outlive the table.
/// `-` and `_` in names are alike everywhere.
class OptionTable {
 public:
  /// Options added after this stand in section `name`: [name] in a job file, name.key elsewhere.
  /// Options without a section (the first ones, or after section("")) may stand anywhere.
  OptionTable& section(std::string name);

  /// T is bool, an integer, double, string, path, or vector<> or optional<> of these.
  template <typename T>
  Option& add(std::string name, T* field, std::string help, std::vector<std::string> aliases = {});
  /// A field whose values have names: an enum, or vector<> or optional<> of one.
  template <typename T, typename E>
  Option& add_choice(std::string name, T* field, Names<E> names, std::string help,
                     std::vector<std::string> aliases = {});
  /// A number, or one word that stands for `meaning`, which is no number to be given.
  template <typename T>
  Option& add_number_or(std::string name, T* field, const std::string& word, T meaning,
                        std::string help);
  /// A share of all questions, in points or as a fraction.
  Option& add_points(std::string name, std::optional<double>* field, std::string help);
  /// A flag kept as one of two values.
  template <typename E>
  Option& add_flag(std::string name, E* field, E when_true, E when_false, std::string help,
                   std::vector<std::string> aliases = {});
  /// `name` is no option of the present section, though others have it: a key that names it here
  /// is a problem with this reason.
  OptionTable& refuse(std::string name, std::string reason);
  /// `name`, added before, also takes the next bare word of the command line; a list takes the
  /// rest.
  OptionTable& positional(std::string_view name);

  /// Sets what `setting` names. Adds to `problems`: an unknown or ambiguous key, a wrong value, a
  /// key that stands twice in one file (on the command line the last one wins, lists grow).
  void set(const Setting& setting, Problems& problems, Unknown unknown = Unknown::report);
  /// Adds the required options that nothing has set; one of a section is missing in `job`, where
  /// there is one.
  void check_required(Problems& problems, const std::filesystem::path& job = {}) const;

  /// The option that `key` names within `section`, or nullptr and, in `why`, the reason.
  const Option* find(std::string_view section, std::string_view key,
                     std::string* why = nullptr) const;
  /// True where the user set it, in a file or on the command line.
  bool given(std::string_view name) const;
  /// Where its value is from: "--seeds", "jobs/demo.ini:7: seeds", or "seeds (default)".
  std::string where(std::string_view name) const;

  /// Resolved values in the order of the table, sections as objects inside.
  Json values() const;
  /// The same without local options: what is stored with results.
  Json record() const;

  std::vector<const Option*> options() const;
  const std::vector<std::string>& positionals() const { return positionals_; }

 private:
  struct Entry {
    Option option;
    std::string layer;
    std::string where;
    bool given = false;
  };
  Option& insert(std::string name, std::string help, std::vector<std::string> aliases);
  struct Refusal {
    std::string full_name, reason;
  };
  /// The options that a key names: one, or the shared ones of that name.
  std::vector<Entry*> lookup(std::string_view section, std::string_view key, std::string* why);
  const Refusal* refused(const Setting& setting) const;
  void report_unknown(const Setting& setting, std::string why, Problems& problems) const;
  bool set_entry(Entry& entry, const Setting& setting, Problems& problems);
  const Entry& entry(std::string_view name) const;
  Json collect(bool with_local) const;

  std::string section_;
  std::deque<Entry> entries_;  // Option& must stay where it is
  std::vector<Refusal> refusals_;
  std::vector<std::string> positionals_;
};

template <typename T>
struct ElementOf {
  using type = T;
};
template <typename T>
struct ElementOf<std::vector<T>> {
  using type = T;
};
template <typename T>
struct ElementOf<std::optional<T>> {
  using type = T;
};

template <typename T>
Option& OptionTable::add(std::string name, T* field, std::string help,
                         std::vector<std::string> aliases) {
  Option& option = insert(std::move(name), std::move(help), std::move(aliases));
  option.bind(field, kind_of<typename ElementOf<T>::type>());
  return option;
}

template <typename T>
Option& OptionTable::add_number_or(std::string name, T* field, const std::string& word, T meaning,
                                   std::string help) {
  Option& option = insert(std::move(name), std::move(help), {});
  option.bind(field, number_or<T>(word, meaning));
  return option;
}

inline Option& OptionTable::add_points(std::string name, std::optional<double>* field,
                                       std::string help) {
  Option& option = insert(std::move(name), std::move(help), {});
  option.bind(field, points_or_fraction());
  return option;
}

template <typename T, typename E>
Option& OptionTable::add_choice(std::string name, T* field, Names<E> names, std::string help,
                                std::vector<std::string> aliases) {
  Option& option = insert(std::move(name), std::move(help), std::move(aliases));
  option.bind(field, choice_of<E>(std::move(names)));
  if (option.list_) option.commas_ = true;
  return option;
}

template <typename E>
Option& OptionTable::add_flag(std::string name, E* field, E when_true, E when_false,
                              std::string help, std::vector<std::string> aliases) {
  Option& option = insert(std::move(name), std::move(help), std::move(aliases));
  Kind<E> kind = choice_of<E>({{"true", when_true}, {"false", when_false}});
  kind.expected = kind_of<bool>().expected;
  kind.json = [when_true](const E& value) { return Json(value == when_true); };
  option.bind(field, std::move(kind));
  option.flag_ = true;
  return option;
}

}  // namespace tradeoff::config
