#include "tradeoff/sql/files/score_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <numeric>
#include <ostream>
#include <set>
#include <span>
#include <thread>

#include "core_claims.hpp"
#include "official_table.hpp"
#include "score_details.hpp"
#include "score_inputs.hpp"
#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json_optional.hpp"

namespace tradeoff::sql {
namespace {

// Rows of one database that one thread judges, so that few workers open it.
using Piece = std::span<const std::size_t>;

// `order` is sorted by database. The largest pieces come first, so that threads end together; none
// is so large that a single database would keep one thread busy and the others idle.
std::vector<Piece> pieces_of(const std::vector<ScoredRow>& rows,
                             const std::vector<std::size_t>& order, std::size_t threads) {
  const std::size_t most = std::max<std::size_t>(8, order.size() / (4 * threads));
  std::vector<Piece> pieces;
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && end - begin < most &&
           rows[order[end]].db_id == rows[order[begin]].db_id)
      ++end;
    pieces.push_back(Piece(order).subspan(begin, end - begin));
  }
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](Piece a, Piece b) { return a.size() > b.size(); });
  return pieces;
}

using tradeoff::or_null;
Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

std::set<std::string> databases_of(const std::vector<ScoredRow>& rows) {
  std::set<std::string> db_ids;
  for (const ScoredRow& row : rows) db_ids.insert(row.db_id);
  return db_ids;
}

std::vector<ScoredRow> read_rows(const ScoreFilesOptions& options) {
  std::vector<ScoredRow> rows;
  for (ScoreItem& item :
       read_score_items(options.gold, options.pred, options.extract, options.filter)) {
    ScoredRow& row = rows.emplace_back();
    row.id = std::move(item.id);
    row.id_is_number = item.id_is_number;
    row.db_id = std::move(item.db_id);
    row.gold = std::move(item.gold);
    row.prediction = std::move(item.prediction);
    row.session = item.session;
    row.turn = item.turn;
  }
  return rows;
}

}  // namespace

void score_rows(Scorer& scorer, std::vector<ScoredRow>& rows, int given) {
  const std::size_t threads = given > 0 ? static_cast<std::size_t>(given)
                                        : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return rows[a].db_id < rows[b].db_id; });
  const std::vector<Piece> pieces = pieces_of(rows, order, threads);
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  CoreClaims cores(std::min(threads, pieces.size()));
  const auto work = [&] {
    const CoreClaims::Claim claim(cores);
    try {
      for (std::size_t piece; (piece = next++) < pieces.size();)
        for (const std::size_t i : pieces[piece])
          rows[i].verdict = scorer.score(rows[i].db_id, rows[i].gold, rows[i].prediction);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      next = pieces.size();
    }
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < std::min(threads, pieces.size()); ++i) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
  if (failure) std::rethrow_exception(failure);
}

Json to_json(const ScoredRow& row) {
  const Verdict& verdict = row.verdict;
  Json json;
  json["id"] = row.id_is_number ? Json(std::stoll(row.id)) : Json(row.id);
  json["db_id"] = row.db_id;
  json["hardness"] = or_null(verdict.hardness);
  json["exec"] = or_null(verdict.exec);
  json["exec_keep_distinct"] = or_null(verdict.exec_keep_distinct);
  json["match"] = or_null(verdict.match);
  json["set"] = or_null(verdict.set);
  json["strict"] = or_null(verdict.strict);
  json["soft_f1"] = or_null(verdict.soft_f1);
  json["outcome"] = name_of(verdict.outcome);
  json["error_class"] = or_null(verdict.error_class);
  json["message"] = or_null(verdict.message);
  return json;
}

void score_and_print(const ScoreFilesOptions& options, std::vector<ScoredRow>& rows,
                     std::ostream& out) {
  const bool exec = options.etype == "exec" || options.etype == "all";
  const bool match = options.etype == "match" || options.etype == "all";
  check(exec || match,
        fmt::format("--etype: found \"{}\", expected exec, match or all", options.etype));
  check(!match || !options.table.empty(),
        "--etype " + options.etype + " needs --table (tables.json)");
  check(!rows.empty(), "nothing to score");
  ScoreOptions scoring;
  scoring.execute.timeout_s = options.sql_timeout;
  scoring.execute.max_steps = options.sql_max_steps;
  scoring.execute.max_value_bytes = options.sql_max_value;
  scoring.keep_distinct = options.keep_distinct;
  scoring.plug_value = options.plug_value;
  scoring.execution = exec;
  scoring.match = match;
  scoring.result_hash = options.result_hash;
  Scorer scorer(options.db, options.table, scoring);
  require_all(scorer, databases_of(rows));
  score_rows(scorer, rows, options.threads);

  print_mismatches(rows, out);
  OfficialTable table(exec, match, rows.back().session + 1);
  for (const ScoredRow& row : rows) table.add(row.verdict, row.session, row.turn);
  table.print(out);
  print_failed_golds(rows, out);
  print_left_out(scorer, databases_of(rows), out);
  print_official_defects(rows, out);
  if (options.details) print_details(scorer, rows, out);
}

void check_scored(const std::vector<ScoredRow>& rows, const std::filesystem::path& db) {
  const bool scored = std::any_of(rows.begin(), rows.end(), [](const ScoredRow& row) {
    return row.verdict.outcome != Outcome::gold_error || row.verdict.match.has_value();
  });
  check(scored || rows.empty(),
        fmt::format("nothing was scored: the gold query of every row fails ({}: {})",
                    (db / (rows.empty() ? "" : rows.front().db_id)).string(),
                    rows.empty() ? "" : rows.front().verdict.message));
}

std::vector<ScoredRow> score_files(const ScoreFilesOptions& options, std::ostream& out) {
  std::vector<ScoredRow> rows = read_rows(options);
  score_and_print(options, rows, out);
  if (!options.out.empty()) {
    std::string lines;
    for (const ScoredRow& row : rows) lines += to_line(to_json(row)) + "\n";
    write_atomically(options.out, lines);
  }
  check_scored(rows, options.db);
  return rows;
}

}  // namespace tradeoff::sql
