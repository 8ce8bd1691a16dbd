#include "tradeoff/sql/score.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "executor_pool.hpp"
#include "fixups.hpp"
#include "statement.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/sql/compare.hpp"
#include "tradeoff/sql/error_class.hpp"

namespace tradeoff::sql {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kGoldCacheBytes = 256u << 20;

using ResultPtr = std::shared_ptr<const Result>;

}  // namespace

struct Scorer::State {
  State(fs::path db_dir, const fs::path& tables_json, ScoreOptions given)
      : options(std::move(given)),
        folder(std::move(db_dir)),
        schemas(tables_json.empty() ? Schemas() : Schemas(tables_json)),
        executors(options.execute) {}

  ScoreOptions options;
  fs::path folder;
  Schemas schemas;
  ExecutorPool executors;
  ResultCache golds{kGoldCacheBytes};
  std::mutex mutex;
  std::map<std::string, std::vector<fs::path>, std::less<>> databases;
};

namespace {

// One gold query against one prediction, over the files of its database.
class Judgement {
 public:
  Judgement(Executor& executor, ResultCache& golds, const std::vector<fs::path>& databases)
      : executor_(executor), golds_(golds), databases_(databases) {}

  ResultPtr gold(const fs::path& database, std::string_view sql) {
    if (auto known = golds_.find(database, sql)) return known;
    return golds_.insert(database, sql, executor_.run(database, sql));
  }

  // A prediction's text may be a gold's, or have run for another semantics a moment ago.
  ResultPtr prediction(const fs::path& database, const std::string& sql) {
    if (auto known = golds_.find(database, sql)) return known;
    for (const auto& [at, text, result] : run_)
      if (at == &database && text == sql) return result;
    auto result = std::make_shared<const Result>(executor_.run(database, sql));
    run_.push_back({&database, sql, result});
    return result;
  }

  /// The first file on which `sql`, a gold query, fails; empty when there is none.
  std::string gold_failure(std::string_view sql) {
    for (const fs::path& database : databases_) {
      const ResultPtr result = gold(database, sql);
      if (result->outcome != Outcome::ok)
        return fmt::format("gold: {}: {}", name_of(result->outcome), result->message);
    }
    return {};
  }

  /// The official rule: equal on every file.
  bool agree(const std::string& gold_sql, const std::string& predicted_sql) {
    const RowOrder order = mentions_order_by(gold_sql) ? RowOrder::fixed : RowOrder::free;
    return std::all_of(databases_.begin(), databases_.end(), [&](const fs::path& database) {
      const ResultPtr predicted = prediction(database, predicted_sql);
      if (predicted->outcome != Outcome::ok) {
        if (failure_.empty() && &database != &databases_.front())
          failure_ = fmt::format("{} in {}: {}", name_of(predicted->outcome),
                                 database.filename().string(), predicted->message);
        return false;
      }
      return equal_up_to_columns(gold(database, gold_sql)->rows, predicted->rows, order);
    });
  }
  /// Where a prediction that runs on the question's own database failed on a variant.
  const std::string& variant_failure() const { return failure_; }

 private:
  struct Run {
    const fs::path* database;
    std::string sql;
    ResultPtr result;
  };

  Executor& executor_;
  ResultCache& golds_;
  const std::vector<fs::path>& databases_;
  std::vector<Run> run_;
  std::string failure_;
};

void set_all(Verdict& verdict, bool right) {
  verdict.exec = verdict.exec_keep_distinct = verdict.set = verdict.strict = right;
  verdict.non_empty = right;
  verdict.soft_f1 = right;
}

}  // namespace

Scorer::Scorer(fs::path db_dir, const fs::path& tables_json, ScoreOptions options)
    : state_(std::make_unique<State>(std::move(db_dir), tables_json, std::move(options))) {
  check(fs::is_directory(state_->folder),
        fmt::format("{}: expected a folder of databases", state_->folder.string()));
}
Scorer::~Scorer() = default;
Scorer::Scorer(Scorer&&) noexcept = default;
Scorer& Scorer::operator=(Scorer&&) noexcept = default;

const Schemas& Scorer::schemas() const {
  return state_->schemas;
}

std::vector<fs::path> Scorer::databases(std::string_view db_id) const {
  const std::lock_guard lock(state_->mutex);
  if (const auto known = state_->databases.find(db_id); known != state_->databases.end())
    return known->second;
  const fs::path folder = state_->folder / db_id;
  const fs::path own = folder / (std::string(db_id) + ".sqlite");
  check(db_id.find_first_of("/\\") == std::string_view::npos && fs::is_regular_file(own),
        fmt::format("{}: no such database (db_id \"{}\")", own.string(), db_id));
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".sqlite" && entry.path() != own) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  files.insert(files.begin(), own);
  return state_->databases.emplace(db_id, std::move(files)).first->second;
}

Result Scorer::run(std::string_view db_id, std::string_view sql) {
  const auto files = databases(db_id);
  return state_->executors.take()->run(files.front(), sql);
}

Verdict Scorer::score(std::string_view db_id, std::string_view gold_sql,
                      std::string_view predicted_sql) {
  Verdict verdict;
  const auto files = databases(db_id);
  if (!state_->options.execution) return verdict;

  auto executor = state_->executors.take();
  Judgement judgement(*executor, state_->golds, files);
  const fs::path& own = files.front();
  const std::string gold_kept = executable_text(gold_sql, Distinct::kept);
  const std::string gold_removed = executable_text(gold_sql, Distinct::removed);
  std::string failure;
  if (const ResultPtr raw = judgement.gold(own, gold_sql); raw->outcome != Outcome::ok)
    failure = fmt::format("gold: {}: {}", name_of(raw->outcome), raw->message);
  if (failure.empty()) failure = judgement.gold_failure(gold_kept);
  if (failure.empty()) failure = judgement.gold_failure(gold_removed);
  if (!failure.empty()) {
    verdict.outcome = Outcome::gold_error;
    verdict.message = std::move(failure);
    return verdict;
  }

  const Schema* known = state_->schemas.find(db_id);
  const Schema none;
  const Schema& schema = known ? *known : none;
  set_all(verdict, false);
  const Screening screened = screen(predicted_sql);
  if (screened.outcome != Outcome::ok) {
    verdict.outcome = screened.outcome;
    Result result;
    result.outcome = screened.outcome;
    verdict.message = screened.message;
    verdict.error_class =
        name_of(diagnose_failure(result, predicted_sql, schema, state_->schemas).error_class);
    return verdict;
  }

  const std::string filled = fill_placeholder(predicted_sql);
  const std::string kept = executable_text(filled, Distinct::kept);
  const std::string removed = executable_text(filled, Distinct::removed);
  const std::string raw(predicted_sql);
  const ResultPtr gold = judgement.gold(own, gold_sql);
  const ResultPtr predicted = judgement.prediction(own, raw);
  verdict.exec_keep_distinct = judgement.agree(gold_kept, kept);
  verdict.exec = state_->options.keep_distinct ? *verdict.exec_keep_distinct
                                               : judgement.agree(gold_removed, removed);
  verdict.outcome = predicted->outcome;
  verdict.message = predicted->message;
  if (predicted->outcome == Outcome::ok) {
    const RowOrder order = orders_rows(gold_sql) ? RowOrder::fixed : RowOrder::free;
    verdict.set = equal_as_sets(gold->rows, predicted->rows);
    verdict.strict = equal_strictly(gold->rows, predicted->rows, order);
    verdict.soft_f1 = soft_f1(gold->rows, predicted->rows);
    verdict.non_empty = !predicted->rows.empty();
  } else if (*verdict.exec || *verdict.exec_keep_distinct) {
    // What the official text rules repaired ("> =") ran after all.
    verdict.outcome = Outcome::ok;
  }
  if (*verdict.exec) return verdict;
  const Diagnosis diagnosis =
      predicted->outcome == Outcome::ok
          ? diagnose_rows(*gold, *predicted, gold_sql, predicted_sql, schema)
          : diagnose_failure(*predicted, predicted_sql, schema, state_->schemas);
  verdict.error_class = name_of(diagnosis.error_class);
  for (const std::string& more : {diagnosis.suggestion, judgement.variant_failure()})
    if (!more.empty()) verdict.message += (verdict.message.empty() ? "" : "; ") + more;
  return verdict;
}

}  // namespace tradeoff::sql
