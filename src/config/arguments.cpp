#include "tradeoff/config/arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <sstream>

#include "tradeoff/config/ini.hpp"

namespace tradeoff::config {
namespace {

namespace po = boost::program_options;

struct Word {
  std::string name;  // without dashes
  std::optional<std::string> value;
};

Word split_word(const std::string& word) {
  const auto equals = word.find('=');
  const auto name = word.substr(0, equals);
  const auto dashes = name.find_first_not_of('-');
  return {dashes == std::string::npos ? "" : name.substr(dashes),
          equals == std::string::npos ? std::nullopt : std::optional(word.substr(equals + 1))};
}

// Boost's own reader stops at the first fault, guesses prefixes and cannot take `--flag false`, so
// one option at a time is read here; Boost keeps `--`, bare words and their order.
std::vector<po::option> read_option(const OptionTable& table, std::vector<std::string>& words,
                                    Problems& problems) {
  const std::string word = words.front();
  if (word.size() < 2 || word.front() != '-' || word == "--") return {};
  words.erase(words.begin());
  auto [name, value] = split_word(word);
  po::option read;
  read.original_tokens = {word};
  const bool config = name == "config";
  if (name == "help" || word == "-h") {
    read.string_key = "help";
    read.value = {"true"};
    return {read};
  }
  const Option* option = word.starts_with("--") && !config ? table.find("", name) : nullptr;
  if (!option && !config) {
    // Reported by OptionTable::set, which knows the reason; its value, where there is one, too.
    if (!value && !words.empty() && !words.front().starts_with('-')) words.erase(words.begin());
    read.string_key = word.starts_with("--") ? name : word;
    read.value = {value.value_or("")};
    return {read};
  }
  if (!value && option && option->is_flag()) {
    value = "true";
    if (!words.empty() && parse_bool(words.front())) {
      value = words.front();
      words.erase(words.begin());
    }
  } else if (!value) {
    const bool follows = !words.empty() && (!words.front().starts_with("--") ||
                                            !table.find("", split_word(words.front()).name));
    if (!follows || words.front() == "--") {
      problems.add("--" + name, "its value is missing; expected " +
                                    (option ? option->shown() : std::string("FILE")));
      return {};
    }
    value = words.front();
    words.erase(words.begin());
  }
  read.string_key = name;
  read.value = {*value};
  return {read};
}

std::string default_text(const Option& option) {
  const Json value = option.value();
  if (value.is_null() || (value.is_boolean() && !value.get<bool>())) return "";
  std::string text;
  const auto plain = [](const Json& one) {
    return one.is_string() ? one.get<std::string>() : to_line(one);
  };
  if (value.is_array())
    for (const Json& element : value)
      text += fmt::format("{}{}", text.empty() ? "" : ",", plain(element));
  else
    text = plain(value);
  return text.empty() ? "" : fmt::format(" [{}]", text);
}

std::string dashed(std::string name) {
  std::ranges::replace(name, '_', '-');
  return name;
}

}  // namespace

Arguments Arguments::parse(const OptionTable& table, std::span<const std::string> words,
                           Problems& problems) {
  const po::options_description none;
  const auto parsed =
      po::command_line_parser(std::vector<std::string>(words.begin(), words.end()))
          .options(none)
          .style(po::command_line_style::allow_long | po::command_line_style::long_allow_adjacent)
          .allow_unregistered()
          .extra_style_parser(
              [&](std::vector<std::string>& rest) { return read_option(table, rest, problems); })
          .run();

  Arguments arguments;
  auto positional = table.positionals().begin();
  for (const po::option& option : parsed.options) {
    if (option.string_key == "help") {
      arguments.help_ = true;
    } else if (option.string_key == "config") {
      try {
        const IniFile file = read_ini(option.value.front(), problems);
        for (const IniSection& section : file.sections)
          if (section.name.starts_with("arm."))
            problems.add(section.where, "an arm's section stands in job files alone");
        std::ranges::copy(file.settings, std::back_inserter(arguments.from_files_));
      } catch (const Error& error) {
        problems.add("--config", error.what());
      }
    } else if (!option.string_key.empty()) {
      const auto& name = option.string_key;
      arguments.from_words_.push_back(
          {"", name, option.value.front(), "", name.starts_with('-') ? name : "--" + name});
    } else if (positional == table.positionals().end()) {
      problems.add(option.value.front(), "unexpected word");
    } else {
      arguments.from_words_.push_back({"", *positional, option.value.front(), "", *positional});
      if (!table.find("", *positional)->is_list()) ++positional;
    }
  }
  return arguments;
}

void Arguments::apply(OptionTable& table, Problems& problems, Unknown unknown) const {
  for (const auto& settings : {from_files_, from_words_})
    for (const Setting& setting : settings) table.set(setting, problems, unknown);
}

static po::options_description described(const OptionTable& table, const std::string& title,
                                         const std::string& section) {
  constexpr unsigned kWidth = 100, kTextWidth = 60;
  po::options_description description(title, kWidth, kTextWidth);
  for (const Option* option : table.options()) {
    if (option->section() != section) continue;
    const std::string note = option->is_required() ? " (required)" : default_text(*option);
    const auto name = dashed(option->full_name());
    // A flag that is on by itself is one that a reader wants to switch off.
    if (option->is_flag() && option->value() != Json(true))
      description.add_options()(name.c_str(), (option->help() + note).c_str());
    else
      description.add_options()(name.c_str(), po::value<std::string>()->value_name(option->shown()),
                                (option->help() + note).c_str());
  }
  return description;
}

static std::string text_of(const po::options_description& description) {
  std::ostringstream stream;
  stream << "\n" << description;
  return stream.str();
}

std::string options_text(const OptionTable& table, const std::string& title,
                         const std::string& section) {
  return text_of(described(table, title, section));
}

std::string help_text(const Usage& usage, const OptionTable& table) {
  std::string text = "Usage: tradeoff " + usage.command;
  for (const auto& name : table.positionals()) {
    const Option& option = *table.find("", name);
    const std::string shown = option.shown() + (option.is_list() ? "..." : "");
    text += option.is_required() ? " " + shown : " [" + shown + "]";
  }
  text += " [options]\n\n" + usage.summary + "\n";
  if (!usage.example.empty()) text += "\nExample: " + usage.example + "\n";
  if (!usage.notes.empty()) text += "\n" + usage.notes;

  std::vector<std::string> sections;
  for (const Option* option : table.options())
    if (std::ranges::find(sections, option->section()) == sections.end())
      sections.push_back(option->section());
  // --config and --help stand with the options of no section, where there are some.
  const bool plain = std::ranges::find(sections, "") != sections.end();
  const std::string home = plain || sections.empty() ? "" : sections.back();
  for (const auto& section : sections) {
    auto description =
        described(table, section.empty() ? "Options" : "Section " + section, section);
    if (section == home)
      description.add_options()("config", po::value<std::string>()->value_name("FILE"),
                                "INI file with any of these options; the command line wins over "
                                "it, a later file over an earlier one")("help", "Show this text");
    text += text_of(description);
  }
  return text;
}

bool parse_command_line(const Usage& usage, OptionTable& table, std::span<const std::string> words,
                        Problems problems) {
  const Arguments arguments = Arguments::parse(table, words, problems);
  if (arguments.help()) {
    const std::string text = help_text(usage, table);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return false;
  }
  arguments.apply(table, problems);
  table.check_required(problems);
  problems.throw_if_any();
  return true;
}

}  // namespace tradeoff::config
