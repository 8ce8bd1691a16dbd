#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/executor_pool.hpp"
#include "syntax/fixups.hpp"
#include "tradeoff/sql/sandbox/execute.hpp"

namespace tradeoff::sql {

using ResultPtr = std::shared_ptr<const Result>;

/// The runs behind one verdict: a gold query and a prediction over the files of one database, each
/// text at most once a file.
class Judgement {
 public:
  /// databases  the question's own file first.
  /// lasting    becomes false once a statement ran out of time or crashed.
  Judgement(Executor& executor, ResultCache& golds,
            const std::vector<std::filesystem::path>& databases, bool& lasting)
      : executor_(executor), golds_(golds), databases_(databases), lasting_(lasting) {}

  ResultPtr gold(const std::filesystem::path& database, std::string_view sql);
  ResultPtr prediction(const std::filesystem::path& database, const std::string& sql);

  /// Why `gold_sql` fails, in its own text or as the official rules change it; empty when it runs.
  /// Independent of predictions, so that a gold is out for all of them or for none.
  std::string gold_failure(std::string_view gold_sql);

  /// The official rule: equal up to the order of columns on every file.
  bool agree(const std::string& gold_sql, const std::string& predicted_sql);
  /// What agree() first found unequal since begin(); nothing when it did not.
  struct Difference {
    ResultPtr gold, prediction;
    const std::filesystem::path* database = nullptr;
  };
  void begin() { difference_ = {}; }
  const Difference& difference() const { return difference_; }
  /// True when a prediction has used up its time or steps, or killed its worker: more texts made of
  /// it would only cost as much again.
  bool exhausted() const { return exhausted_; }

 private:
  ResultPtr seen(ResultPtr result);

  struct Run {
    const std::filesystem::path* database;
    std::string sql;
    ResultPtr result;
  };

  Executor& executor_;
  ResultCache& golds_;
  const std::vector<std::filesystem::path>& databases_;
  std::vector<Run> runs_;
  Difference difference_;
  bool exhausted_ = false;
  bool& lasting_;
};

}  // namespace tradeoff::sql
