#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "tradeoff/base/json.hpp"
#include "tradeoff/store/sealed_line.hpp"

namespace tradeoff::store {

/// Of a query, by every rule; what was not computed is empty (columns kExec, ...).
struct SqlJudgement {
  std::optional<bool> exec, exec_keep_distinct, match, set, strict, non_empty;
  std::optional<double> soft_f1;
  std::string outcome, error_class, message, result, result_hash;
  bool operator==(const SqlJudgement&) const = default;
};

/// Of a letter: the one that is judged, by which rule it was read from a text, whether it is right.
struct LetterJudgement {
  std::string letter, reading;
  bool correct = false;
  std::optional<bool> clean, corrected;
  bool operator==(const LetterJudgement&) const = default;
};

using Judgement = std::variant<SqlJudgement, LetterJudgement>;

/// A row whose keys are names of columns, without what was not computed.
Json to_json(const SqlJudgement& judgement);
/// Its inverse. Throws Error naming the key that is missing, unknown or of a wrong type.
SqlJudgement read_judgement(const Json& row);

/// Judgements by what they are of: a text that decides them, such as a hash.
using Judgements = std::map<std::string, SqlJudgement>;

/// What one process judged, on disk as soon as it is: a file of sealed lines, which is there from
/// the first judgement on.
class JudgementWriter {
 public:
  /// `header` says whatever decides a judgement besides its key: limits, rules, version.
  JudgementWriter(std::filesystem::path folder, Json header);
  void append(const std::string& of, const SqlJudgement& judgement);

 private:
  std::filesystem::path folder_;
  Json header_;
  std::unique_ptr<AppendFile> file_;
};

/// What the files of `folder` hold that have this header; nothing where there is no folder. Files
/// with another header are removed, since nothing reads them again: one process calls it. A line
/// that is not as it was written is warned of and passed over: what it held is judged again.
Judgements read_judgements(const std::filesystem::path& folder, const Json& header);

}  // namespace tradeoff::store
