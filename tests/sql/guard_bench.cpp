// sql_guard_bench [ROUNDS]: what the sandbox adds to a query. The development golds run in a worker
// and in this process on connections that stay open; of ROUNDS (9) the median of each query counts.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <vector>

#include "plain_sqlite.hpp"
#include "spider_files.hpp"
#include "tradeoff/sql/sandbox/execute.hpp"

namespace {

using namespace tradeoff::sql;

template <typename Act>
double microseconds(Act act) {
  const auto start = std::chrono::steady_clock::now();
  act();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
      .count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::max(1, std::atoi(arguments[1])) : 9;
  const auto golds = dev_golds();
  Executor executor;
  std::map<std::string, PlainConnection> connections;
  std::vector<std::vector<double>> guarded(golds.size()), plain(golds.size());
  for (int round = -1; round < rounds; ++round)
    for (std::size_t i = 0; i < golds.size(); ++i) {
      const auto& [sql, db_id] = golds[i];
      const auto file = kSpider / "database" / db_id / (db_id + ".sqlite");
      auto& connection = connections.try_emplace(db_id, file).first->second;
      const double a = microseconds([&] { executor.run(file, sql); });
      const double b = microseconds([&] { connection.rows(sql); });
      // The first round opens the databases.
      if (round < 0) continue;
      guarded[i].push_back(a);
      plain[i].push_back(b);
    }
  double with = 0, without = 0;
  for (std::size_t i = 0; i < golds.size(); ++i) {
    with += median(guarded[i]);
    without += median(plain[i]);
  }
  const double n = double(golds.size());
  fmt::print(
      "guard: {:.1f} us a query in the sandbox, {:.1f} us in this process: {:.3f} ms more "
      "(target 0.1 ms)\n",
      with / n, without / n, (with - without) / n / 1000);
}
