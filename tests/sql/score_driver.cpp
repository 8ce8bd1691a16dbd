// sql_score_driver: score_files with its options on a bare command line, for the Python oracles and
// the benchmark, which build without the modules that `tradeoff score` needs.
#include <cstring>
#include <iostream>
#include <string>

#include "tradeoff/sql/files/score_files.hpp"

int main(int count, char** arguments) {
  tradeoff::sql::ScoreFilesOptions options;
  try {
    for (int i = 1; i < count; ++i) {
      const std::string key = arguments[i];
      const auto value = [&]() -> std::string { return i + 1 < count ? arguments[++i] : ""; };
      if (key == "--gold")
        options.gold = value();
      else if (key == "--pred")
        options.pred = value();
      else if (key == "--db")
        options.db = value();
      else if (key == "--table")
        options.table = value();
      else if (key == "--etype")
        options.etype = value();
      else if (key == "--out")
        options.out = value();
      else if (key == "--threads")
        options.threads = std::stoi(value());
      else if (key == "--sql_timeout")
        options.sql_timeout = std::stod(value());
      else if (key == "--sql_max_steps")
        options.sql_max_steps = std::stoull(value());
      else if (key == "--plug_value")
        options.plug_value = true;
      else if (key == "--keep_distinct")
        options.keep_distinct = true;
      else if (key == "--details")
        options.details = true;
      else
        throw std::runtime_error("unknown option " + key);
    }
    tradeoff::sql::score_files(options, std::cout);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
