#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/config/ini.hpp"

namespace tradeoff::config {

/// A job file: base sections ([study], [model], one a task, ...) and one [arm.NAME] for each arm,
/// which inherits all of the base and holds only what differs; and [task.NAME], see
/// own_tasks.hpp. In an arm a key is written plainly
/// where one section has it ("lora_r"), else with its section ("TASK.shots").
///
///   Problems problems;
///   const auto job = JobFile::read(path, problems);
///   OptionTable table;                       // sections as in the file
///   bind(table, options);
///   job.bind_base(table, problems);    // or bind_arm("qlora-50", ...) on fresh options
///   arguments.apply(table, problems);  // the command line wins over every section
class JobFile {
 public:
  /// Throws Error when the file cannot be read; what is wrong in it goes to `problems`.
  static JobFile read(const std::filesystem::path& path, Problems& problems);

  /// Names of the arms in the order of the file.
  const std::vector<std::string>& arms() const { return arms_; }
  /// Sets `table` from the base sections; a section or key that it does not hold is a problem.
  void bind_base(OptionTable& table, Problems& problems) const;
  /// Sets `table`, which holds what an arm may change, from the base sections, then from the file
  /// that the arm names as `train` (from the job file's folder), where it names one, and then from
  /// the arm. Base keys that it does not hold are left alone; such a key in the others is a
  /// problem.
  void bind_arm(std::string_view arm, OptionTable& table, Problems& problems) const;
  /// The same; keys that `own` holds are the arm's alone, and are taken from its section only.
  void bind_arm(std::string_view arm, OptionTable& table, OptionTable& own,
                Problems& problems) const;
  /// FILE:LINE of the arm's header.
  std::string where(std::string_view arm) const;
  const std::filesystem::path& path() const { return file_.path; }
  const IniFile& file() const { return file_; }

 private:
  IniFile file_;
  std::vector<std::string> arms_;
};

}  // namespace tradeoff::config
