#include "tradeoff/config/bind_task.hpp"

namespace tradeoff::config {

void bind(OptionTable& table, sql::ScoreFilesOptions& options) {
  table
      .add("gold", &options.gold,
           "Gold queries: SQL, a tab and the database on a line, or dev.json, JSONL, CSV; left out "
           "where the predictions hold them")
      .placeholder("G.sql");
  table
      .add("pred", &options.pred,
           "Predictions: one SQL on a line; JSONL, a JSON list or CSV with id and sql, or text; "
           "BIRD's predict_dev.json; samples of lm-evaluation-harness; or a predictions.h5. Or "
           "letters, as `predict` writes them for choices: --gold is then the items, without --db")
      .required()
      .placeholder("P.sql");
  table
      .add("filter", &options.filter,
           "Of samples of several filters, the one whose responses are judged")
      .placeholder("NAME");
  table.add("db", &options.db, "Folder of the databases, DIR/<db_id>/<db_id>.sqlite")
      .required()
      .placeholder("DIR");
  table.add("table", &options.table, "tables.json; needed for match").placeholder("F.json");
  table.add_choice("etype", &options.etype,
                   Names<std::string>{{"exec", "exec"}, {"match", "match"}, {"all", "all"}},
                   "Execution accuracy, exact set match, or both");
  table.add("plug_value", &options.plug_value,
            "Also try the gold's values in the places of the prediction's");
  table.add("keep_distinct", &options.keep_distinct, "Keep DISTINCT where results are compared");
  table.add("out", &options.out, "JSONL to write, a row for every question")
      .placeholder("ROWS.jsonl");
  table.add("details", &options.details,
            "After the official tables: every metric, what the golds are like, floors, error "
            "classes, and where the metrics disagree");
  table.add("sql_timeout", &options.sql_timeout, "Seconds that one query may take").above(0);
  table
      .add("sql_max_steps", &options.sql_max_steps,
           "SQLite virtual-machine steps that one query may take")
      .at_least(1);
  table
      .add("sql_max_value", &options.sql_max_value,
           "Bytes of one value that a query may read or build")
      .at_least(1000);
  table.add("threads", &options.threads, "Queries run at a time; 0: one a core; changes no verdict")
      .at_most(kMostThreads)
      .at_least(0);
}

}  // namespace tradeoff::config
