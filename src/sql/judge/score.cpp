#include "tradeoff/sql/judge/score.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <map>
#include <mutex>

#include "judgement.hpp"
#include "sandbox/executor_pool.hpp"
#include "sandbox/statement.hpp"
#include "syntax/fixups.hpp"
#include "syntax/plug_value.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/sql/judge/compare.hpp"
#include "tradeoff/sql/judge/error_class.hpp"
#include "tradeoff/sql/sandbox/result_hash.hpp"
#include "tradeoff/sql/sandbox/result_text.hpp"

namespace tradeoff::sql {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kGoldCacheBytes = 256u << 20;
constexpr std::string_view kValueDefect =
    "right as written; the official rules put 1 in the place of every `value`, a name here";

void set_all_wrong(Verdict& verdict) {
  verdict.exec = verdict.exec_keep_distinct = verdict.set = verdict.strict = false;
  verdict.non_empty = false;
  verdict.soft_f1 = 0;
}

// Whether a file beside a database is one as well. Hidden files ("._depot.sqlite", which macOS
// writes for the attributes of depot.sqlite) and files without SQLite's first bytes are none.
bool is_variant(const fs::path& file) {
  if (file.extension() != ".sqlite" || file.filename().string().starts_with('.') ||
      !fs::is_regular_file(file))
    return false;
  std::string begin(16, '\0');
  std::ifstream(file, std::ios::binary).read(begin.data(), 16);
  return begin == std::string("SQLite format 3", 16);
}

void append(std::string& message, const std::string& more) {
  if (more.empty()) return;
  if (!message.empty()) message += "; ";
  message += more;
}

}  // namespace

struct Scorer::State {
  State(fs::path db_dir, const fs::path& tables_json, ScoreOptions given)
      : options(std::move(given)),
        folder(std::move(db_dir)),
        tables_path(tables_json),
        executors(options.execute) {
    check(fs::is_directory(folder),
          fmt::format("{}: expected a folder of databases", folder.string()));
    // tables.json is read while the first worker starts, which also finds out that it can.
    auto read = std::async(std::launch::async,
                           [&] { return tables_path.empty() ? Schemas() : Schemas(tables_path); });
    executors.take();
    schemas = read.get();
  }

  void judge_match(Verdict& verdict, const MatchSchema& schema, std::string_view gold_sql,
                   std::string_view filled, bool statement) const;
  void judge_rows(Verdict& verdict, Judgement& judgement, const fs::path& own,
                  std::string_view gold_sql, std::string_view sql, std::string_view filled) const;
  bool official(Judgement& judgement, std::string_view gold_sql, std::string_view filled,
                Distinct distinct) const;
  const Schema& schema(std::string_view db_id) const {
    static const Schema none;
    const Schema* found = schemas.find(db_id);
    return found ? *found : none;
  }

  // What is read of a database once.
  struct Known {
    MatchSchema schema;
    std::vector<std::string> left_out;
  };
  const Known& know(const Scorer& scorer, std::string_view db_id);

  ScoreOptions options;
  fs::path folder;
  Schemas schemas;
  fs::path tables_path;
  ExecutorPool executors;
  ResultCache golds{kGoldCacheBytes};
  std::mutex mutex;
  std::map<std::string, std::vector<fs::path>, std::less<>> databases;
  std::map<std::string, std::unique_ptr<const Known>, std::less<>> known;
};

Scorer::Scorer(fs::path db_dir, const fs::path& tables_json, ScoreOptions options)
    : state_(std::make_unique<State>(std::move(db_dir), tables_json, std::move(options))) {}
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
    if (is_variant(entry.path()) && entry.path() != own) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  files.insert(files.begin(), own);
  return state_->databases.emplace(db_id, std::move(files)).first->second;
}

const Scorer::State::Known& Scorer::State::know(const Scorer& scorer, std::string_view db_id) {
  {
    const std::lock_guard lock(mutex);
    if (const auto found = known.find(db_id); found != known.end()) return *found->second;
  }
  check(tables_path.empty() || schemas.find(db_id),
        fmt::format("{}: no entry with db_id \"{}\"", tables_path.string(), db_id));
  const auto files = scorer.databases(db_id);
  auto executor = executors.take();
  // Variants have the same tables; they are opened, so that a damaged one is found here.
  for (std::size_t i = 1; i < files.size(); ++i) executor->tables(files[i]);
  std::vector<TableColumns> tables = executor->tables(files.front());
  std::vector<std::string> left_out;
  std::erase_if(tables, [&](const TableColumns& table) {
    if (table.is_virtual) left_out.push_back(table.table);
    return table.is_virtual;
  });
  auto fresh = std::make_unique<const Known>(
      Known{MatchSchema(tables, schemas.find(db_id)), std::move(left_out)});
  // Another thread may have been quicker; its copy is as good and may be in use.
  const std::lock_guard lock(mutex);
  return *known.try_emplace(std::string(db_id), std::move(fresh)).first->second;
}

void Scorer::require(std::string_view db_id) {
  state_->know(*this, db_id);
}

void require_all(Scorer& scorer, const std::set<std::string>& db_ids) {
  std::string missing;
  for (const std::string& db_id : db_ids) {
    try {
      scorer.require(db_id);
    } catch (const Error& error) {
      missing += (missing.empty() ? "" : "\n") + std::string(error.what());
    }
  }
  if (!missing.empty()) fail(missing);
}

const MatchSchema& Scorer::match_schema(std::string_view db_id) {
  return state_->know(*this, db_id).schema;
}

std::vector<std::string> Scorer::left_out_tables(std::string_view db_id) {
  return state_->know(*this, db_id).left_out;
}

std::string Scorer::gold_failure(std::string_view db_id, std::string_view gold) {
  const auto files = databases(db_id);
  auto executor = state_->executors.take();
  bool lasting = true;
  return Judgement(*executor, state_->golds, files, lasting).gold_failure(gold);
}

Result Scorer::run(std::string_view db_id, std::string_view sql) {
  const auto files = databases(db_id);
  return state_->executors.take()->run(files.front(), sql);
}

void Scorer::State::judge_match(Verdict& verdict, const MatchSchema& schema,
                                std::string_view gold_sql, std::string_view filled,
                                bool statement) const {
  const auto gold = MatchQuery::parse(schema, gold_sql);
  if (!gold) return;
  verdict.hardness = gold->hardness();
  if (!options.match || tables_path.empty()) return;
  const auto predicted = statement ? MatchQuery::parse(schema, filled) : std::nullopt;
  verdict.match_parts = exact_match(schema, *gold, predicted ? *predicted : MatchQuery::nothing());
  verdict.match = verdict.match_parts->exact;
}

bool Scorer::State::official(Judgement& judgement, std::string_view gold_sql,
                             std::string_view filled, Distinct distinct) const {
  judgement.begin();
  const std::string gold = executable_text(gold_sql, distinct);
  const auto judge = [&](const std::string& text) { return judgement.agree(gold, text); };
  const std::string text = executable_text(filled, distinct);
  if (judge(text)) return true;
  return options.plug_value && any_plugged(gold, text, [&](const std::string& plugged) {
           if (judgement.exhausted()) return Judged::give_up;
           return judge(with_current_year(plugged)) ? Judged::right : Judged::wrong;
         });
}

void Scorer::State::judge_rows(Verdict& verdict, Judgement& judgement, const fs::path& own,
                               std::string_view gold_sql, std::string_view sql,
                               std::string_view filled) const {
  verdict.exec_keep_distinct = official(judgement, gold_sql, filled, Distinct::kept);
  verdict.exec = options.keep_distinct ? *verdict.exec_keep_distinct
                                       : official(judgement, gold_sql, filled, Distinct::removed);
  const ResultPtr gold = judgement.gold(own, gold_sql);
  const ResultPtr predicted = judgement.prediction(own, std::string(sql));
  verdict.outcome = predicted->outcome;
  verdict.message = predicted->message;
  if (predicted->outcome != Outcome::ok) return;
  const RowOrder order = orders_rows(gold_sql) ? RowOrder::fixed : RowOrder::free;
  verdict.set = equal_as_sets(gold->rows, predicted->rows);
  verdict.strict = equal_strictly(gold->rows, predicted->rows, order);
  verdict.soft_f1 = soft_f1(gold->rows, predicted->rows);
  verdict.non_empty = !predicted->rows.empty();
  if (options.preview) verdict.preview = result_preview(*predicted);
  if (options.result_hash) verdict.result_hash = result_hash(predicted->rows);
}

Verdict Scorer::score(std::string_view db_id, std::string_view gold_sql, std::string_view sql) {
  const State& state = *state_;
  Verdict verdict;
  const auto files = databases(db_id);
  const Screening screened = screen(sql);
  const bool statement =
      screened.outcome != Outcome::empty_output && screened.outcome != Outcome::no_sql;
  const std::string filled = fill_placeholder(sql);
  state.judge_match(verdict, match_schema(db_id), gold_sql, filled, statement);
  verdict.outcome = screened.outcome;
  verdict.message = screened.message;
  if (!state.options.execution) return verdict;

  auto executor = state_->executors.take();
  Judgement judgement(*executor, state_->golds, files, verdict.lasting);
  const fs::path& own = files.front();
  if (std::string failure = judgement.gold_failure(gold_sql); !failure.empty()) {
    verdict.outcome = Outcome::gold_error;
    verdict.message = std::move(failure);
    return verdict;
  }
  set_all_wrong(verdict);
  if (screened.outcome == Outcome::ok)
    state.judge_rows(verdict, judgement, own, gold_sql, sql, filled);
  if (*verdict.exec) {
    // What the official text rules repaired ("> =") ran after all.
    verdict.outcome = Outcome::ok;
    verdict.message.clear();
    return verdict;
  }

  // Where the official rules read the word `value` as a placeholder, the statement as it was
  // written tells why it is wrong, or that it is not.
  if (screened.outcome == Outcome::ok && filled != sql &&
      state.official(judgement, gold_sql, sql,
                     state.options.keep_distinct ? Distinct::kept : Distinct::removed)) {
    verdict.error_class = name_of(ErrorClass::official_value);
    verdict.message = std::string(kValueDefect);
    return verdict;
  }

  // What ran is judged where it first differs, as it was compared: without DISTINCT, or in a
  // variant.
  const Judgement::Difference& difference = judgement.difference();
  Result failed;
  failed.outcome = verdict.outcome;
  failed.message = verdict.message;
  const bool ran = verdict.outcome == Outcome::ok;
  if (ran && difference.prediction->outcome != Outcome::ok) failed = *difference.prediction;
  const Schema& schema = state.schema(db_id);
  const Diagnosis diagnosis =
      failed.outcome == Outcome::ok
          ? diagnose_rows(*difference.gold, *difference.prediction, gold_sql, sql, schema)
          : diagnose_failure(failed, sql, schema, state.schemas);
  verdict.error_class = name_of(diagnosis.error_class);
  if (ran && failed.outcome != Outcome::ok) verdict.message = failed.message;
  append(verdict.message, diagnosis.suggestion);
  if (ran && difference.database != &files.front())
    append(verdict.message, "in " + difference.database->filename().string());
  return verdict;
}

}  // namespace tradeoff::sql
