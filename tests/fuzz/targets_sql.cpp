#include <string>

#include "files/score_inputs.hpp"
#include "judge/gold_audit.hpp"
#include "sandbox/statement.hpp"
#include "syntax/fixups.hpp"
#include "syntax/plug_value.hpp"
#include "syntax/sqlite_tokens.hpp"
#include "target.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/sql/judge/error_class.hpp"
#include "tradeoff/sql/match/exact_match.hpp"
#include "tradeoff/sql/schema/schema.hpp"
#include "tradeoff/task/extract.hpp"
#include "tradeoff/task/schema.hpp"

namespace tradeoff::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTables = R"([{"db_id":"pets",
"table_names_original":["pet","owner"],"table_names":["pet","owner"],
"column_names_original":[[-1,"*"],[0,"id"],[0,"name"],[0,"owner_id"],[1,"id"],[1,"name"]],
"column_names":[[-1,"*"],[0,"id"],[0,"pet name"],[0,"owner id"],[1,"id"],[1,"full name"]],
"column_types":["text","number","text","number","number","text"],"primary_keys":[1,4],"foreign_keys":[[3,4]]}])";
constexpr std::string_view kGold =
    "SELECT T1.name, count(*) FROM pet AS T1 JOIN owner AS T2 ON T1.owner_id = T2.id "
    "WHERE T2.name = 'Ann' GROUP BY T1.name ORDER BY count(*) DESC LIMIT 3";

struct Known {
  explicit Known(const fs::path& folder)
      : schemas(put(folder / "tables.json", kTables)),
        schema(*schemas.find("pets")),
        names(schema),
        gold(*sql::MatchQuery::parse(names, kGold)) {}
  sql::Schemas schemas;
  sql::Schema schema;
  sql::MatchSchema names;
  sql::MatchQuery gold;
};

// A result of one row and column, or of a failure, as the sandbox would tell it.
sql::Result failed(std::string message) {
  sql::Result result;
  result.outcome = sql::Outcome::sql_error;
  result.message = std::move(message);
  return result;
}

void diagnose(const Known& known, std::string_view text) {
  const sql::Result ran{.columns = {"a"}, .rows = {}};
  (void)sql::diagnose_rows(ran, ran, kGold, text, known.schema);
  for (const char* message : {"no such column: T2.nme", "no such table: pets",
                              "ambiguous column name: id", "near \"FROM\": syntax error"})
    (void)sql::diagnose_failure(failed(message), text, known.schema, known.schemas);
}

void read_pair(const fs::path& gold, const fs::path& predictions) {
  const auto as_it_is = [](std::string_view text) { return std::string(text); };
  (void)sql::read_score_items(gold, predictions, as_it_is);
}

}  // namespace

void read_tables_json(const fs::path& folder, std::string_view bytes) {
  const fs::path path = put(folder / "tables.json", bytes);
  const sql::Schemas schemas(path);
  for (const auto& [name, schema] : schemas.all()) (void)sql::MatchSchema(schema);
  const sql::Schemas told(path, sql::SchemaUse::prompt);
  for (const auto& [name, schema] : told.all()) {
    (void)task::schema_text(schema, task::SchemaStyle::compact);
    (void)task::schema_text(schema, task::SchemaStyle::create_table);
  }
}

// The answer of a model: extracted, judged against a gold as far as that needs no database.
void read_sql(const fs::path& folder, std::string_view bytes) {
  static const Known known(folder);
  const task::Extracted extracted = task::extract_sql(bytes);
  for (const std::string& text : {std::string(bytes), extracted.sql}) {
    (void)sql::screen(text);
    (void)sql::orders_rows(text);
    (void)sql::sqlite_tokens(text);
    (void)sql::executable_text(sql::fill_placeholder(text), sql::Distinct::removed);
    (void)sql::with_ties_broken(text, 2, sql::TieBreak::up);
    (void)sql::with_quotes_as_names(text);
    int tries = 0;
    (void)sql::any_plugged(kGold, text, [&](const std::string&) {
      return ++tries < 100 ? sql::Judged::wrong : sql::Judged::give_up;
    });
    diagnose(known, text);
    const auto query = sql::MatchQuery::parse(known.names, text);
    if (!query) continue;
    (void)query->hardness();
    (void)sql::exact_match(known.names, known.gold, *query);
    (void)sql::exact_match(known.names, *query, known.gold);
  }
}

// One format a name: the same bytes as predictions of each.
void read_answers(const fs::path& folder, std::string_view bytes) {
  const fs::path gold = put(folder / "gold.sql", "SELECT 1\tpets\nSELECT 2\tpets\n");
  std::string error;
  for (const char* name : {"pred.sql", "pred.jsonl", "pred.json", "pred.csv"}) {
    try {
      read_pair(gold, put(folder / name, bytes));
    } catch (const Error& told) {
      error = told.what();
      check(error.find(folder.string()) != std::string::npos, "names no file: " + error);
    }
  }
  check(error.empty(), error);
}

void read_golds(const fs::path& folder, std::string_view bytes) {
  const Halves halves = halves_of(bytes);
  const fs::path predictions = put(folder / "pred.sql", halves.second);
  std::string error;
  for (const char* name : {"gold.sql", "gold.jsonl", "gold.json", "gold.csv"}) {
    try {
      read_pair(put(folder / name, halves.first), predictions);
    } catch (const Error& told) {
      error = told.what();
      check(error.find(folder.string()) != std::string::npos, "names no file: " + error);
    }
  }
  check(error.empty(), error);
}

// Samples of lm-evaluation-harness, which hold their golds.
void read_samples(const fs::path& folder, std::string_view bytes) {
  const fs::path path = put(folder / "samples_spider_2026-01-01T00-00-00.jsonl", bytes);
  read_pair({}, path);
}

}  // namespace tradeoff::fuzz
