#pragma once
#include <span>
#include <string>
#include <vector>

#include "tradeoff/config/table.hpp"

namespace tradeoff::config {

/// Heads --help.
struct Usage {
  std::string command;  // "tokenize"
  std::string summary;  // one sentence
  std::string example;  // a whole command line
  // Stands behind the example, in whole lines: what options alone do not tell.
  std::string notes = {};
};

/// A command line taken apart, and the INI files that its --config options name.
class Arguments {
 public:
  /// `words` are what follows the command's name; `table` says which options are flags and which
  /// take bare words. `--name value`, `--name=value`, a bare flag is true, `--` ends the options.
  /// Adds to `problems` what names no option of the table or lacks its value.
  static Arguments parse(const OptionTable& table, std::span<const std::string> words,
                         Problems& problems);

  bool help() const { return help_; }
  /// Sets `table` from the files, a later one over an earlier, then from the command line.
  void apply(OptionTable& table, Problems& problems, Unknown unknown = Unknown::report) const;

 private:
  bool help_ = false;
  std::vector<Setting> from_files_, from_words_;
};

/// The options of one section, with placeholder and default, as --help shows them.
std::string options_text(const OptionTable& table, const std::string& title,
                         const std::string& section);

/// Text of --help: usage line, an example, options by section with placeholder and default,
/// --config.
std::string help_text(const Usage& usage, const OptionTable& table);

/// The whole of it for a command without a job file: parses, applies, checks what is required.
/// Returns false where --help was asked for and printed. Throws UsageError with all problems, those
/// found before (`problems`) among them.
bool parse_command_line(const Usage& usage, OptionTable& table, std::span<const std::string> words,
                        Problems problems = {});

}  // namespace tradeoff::config
