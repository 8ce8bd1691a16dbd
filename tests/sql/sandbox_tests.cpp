#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <set>
#include <thread>

#include "../slow_build.hpp"
#include "hostile_statements.hpp"
#include "spider_files.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/sql/sandbox/execute.hpp"

namespace tradeoff::sql {
namespace {

namespace fs = std::filesystem;

// A private copy of one database folder.
struct Sandbox : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("tradeoff-sandbox-" + std::to_string(::getpid()));
  fs::path database = folder / "concert_singer.sqlite";
  void SetUp() override {
    fs::create_directories(folder);
    fs::copy_file(kSpider / "database/concert_singer/concert_singer.sqlite", database,
                  fs::copy_options::overwrite_existing);
    fs::permissions(database, fs::perms::owner_write, fs::perm_options::add);
  }
  void TearDown() override { fs::remove_all(folder); }
  std::set<fs::path> files() const {
    std::set<fs::path> all;
    for (const auto& entry : fs::directory_iterator(folder)) all.insert(entry.path());
    return all;
  }
};

double seconds_of(const std::function<void()>& act) {
  const auto start = std::chrono::steady_clock::now();
  act();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TEST_F(Sandbox, survives_hostile_statements_and_answers_the_next_question) {
  const auto statements = hostile_statements();
  ASSERT_GE(statements.size(), 150u);
  const std::string before = sha256_file(database);
  const auto files_before = files();
  constexpr double kTimeout = 0.25, kGrace = kSlowBuild ? 1.0 : 0.1;
  Executor executor({.timeout_s = kTimeout, .max_steps = 2'000'000});
  const std::string next = "SELECT count(*), sum(age), max(name LIKE 'j%') FROM singer";
  const Result expected = executor.run(database, next);
  double slowest = 0;
  for (const std::string& sql : statements) {
    Result result;
    // The contract is 0.1 s after the deadline. A crowded machine may miss it by chance, not
    // thrice.
    double seconds = 1e9;
    for (int attempt = 0; attempt < 3 && seconds > kTimeout + kGrace; ++attempt)
      seconds = std::min(seconds, seconds_of([&] { result = executor.run(database, sql); }));
    slowest = std::max(slowest, seconds);
    EXPECT_LT(seconds, kTimeout + kGrace) << sql.substr(0, 200);
    EXPECT_NE(result.outcome, Outcome::crashed) << sql.substr(0, 200);
    const Result after = executor.run(database, next);
    ASSERT_EQ(after.outcome, Outcome::ok) << "after " << sql.substr(0, 200) << after.message;
    ASSERT_TRUE(std::equal(after.rows.cells().begin(), after.rows.cells().end(),
                           expected.rows.cells().begin()))
        << "after " << sql.substr(0, 200);
  }
  std::cout << statements.size() << " statements, the slowest took " << slowest << " s of "
            << kTimeout << " s\n";
  EXPECT_EQ(sha256_file(database), before);
  EXPECT_EQ(files(), files_before);
  EXPECT_FALSE(fs::exists("/tmp/tradeoff-evil.db"));
  EXPECT_FALSE(fs::exists("/tmp/tradeoff-evil"));
}

TEST_F(Sandbox, says_why_it_refused) {
  Executor executor({.timeout_s = 30,
                     .max_steps = 1'000'000,
                     .max_rows = 1'000,
                     .max_bytes = 1 << 20,
                     .max_value_bytes = 100'000});
  struct Case {
    const char* sql;
    Outcome outcome;
    const char* message;
  };
  for (const Case& item : std::initializer_list<Case>{
           {"SELECT printf('%d', 1)", Outcome::denied, "function printf is not allowed"},
           {"SELECT format('%d', 1)", Outcome::denied, "function format is not allowed"},
           {"SELECT date('now')", Outcome::denied, "current time"},
           // SQLite 3.40 names the action, 3.45 the table.
           {"SELECT * FROM pragma_table_info('singer')", Outcome::denied, "allowed"},
           {"SELECT 1; SELECT 2", Outcome::denied, "several statements"},
           {"EXPLAIN SELECT 1", Outcome::denied, "EXPLAIN"},
           {"WITH x AS (SELECT 1) DELETE FROM singer", Outcome::denied, "only a SELECT"},
           {"SELECT * FROM singer a, singer b, singer c, singer d", Outcome::row_cap, "1000 rows"},
           {"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM "
            "c",
            Outcome::step_limit, "step limit"},
           {"WITH RECURSIVE g(s) AS (SELECT 'a' UNION ALL SELECT s || s FROM g) SELECT s FROM g",
            Outcome::memory, "too long"},
           {"SELECT nosuch FROM singer", Outcome::sql_error, "no such column: nosuch"},
           {"(SELECT 1)", Outcome::sql_error, "syntax error"},
           {"VALUES (1)", Outcome::no_sql, "no SELECT"},
           {" \n", Outcome::empty_output, "blank"}}) {
    const Result result = executor.run(database, item.sql);
    EXPECT_EQ(name_of(result.outcome), name_of(item.outcome)) << item.sql << result.message;
    EXPECT_NE(result.message.find(item.message), std::string::npos) << item.sql << result.message;
  }
}

TEST_F(Sandbox, allows_ordinary_functions_dates_of_columns_and_a_final_semicolon) {
  Executor executor;
  for (const char* sql :
       {"SELECT date('2020-02-03', '+1 month'), strftime('%Y', '2020-02-03')",
        "SELECT group_concat(name, ', '), total(age), round(avg(age), 2) FROM singer;",
        "SELECT rank() OVER (ORDER BY age), row_number() OVER () FROM singer;;",
        "SELECT name FROM sqlite_master -- done", "SELECT \"France\", iif(1, 2, 3), 7 % 4",
        "WITH c AS (SELECT 1 AS a) SELECT count(*) FROM c"}) {
    const Result result = executor.run(database, sql);
    EXPECT_EQ(result.outcome, Outcome::ok) << sql << ": " << result.message;
    EXPECT_GE(result.rows.size(), 1u);
  }
}

TEST_F(Sandbox, a_crash_costs_one_statement_and_a_killed_worker_none) {
  Executor executor(
      {.worker = fs::read_symlink("/proc/self/exe").parent_path() / "sql_crashing_worker"});
  EXPECT_EQ(executor.run(database, "SELECT 1").outcome, Outcome::ok);
  EXPECT_EQ(executor.workers_started(), 1);
  EXPECT_EQ(executor.run(database, "SELECT crash()").outcome, Outcome::crashed);
  EXPECT_EQ(executor.run(database, "SELECT count(*) FROM singer").outcome, Outcome::ok);
  EXPECT_EQ(executor.workers_started(), 3);
  ::kill(executor.worker_pid(), SIGKILL);
  EXPECT_EQ(executor.run(database, "SELECT count(*) FROM singer").outcome, Outcome::ok);
  EXPECT_EQ(executor.workers_started(), 4);
  // Signals to the whole job are not for workers.
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP})
    ::kill(executor.worker_pid(), signal);
  EXPECT_EQ(executor.run(database, "SELECT 1").outcome, Outcome::ok);
  EXPECT_EQ(executor.workers_started(), 4);
}

TEST_F(Sandbox, the_worker_outlives_the_thread_that_started_it_and_not_its_process) {
  std::unique_ptr<Executor> executor;
  std::thread([&] { executor = std::make_unique<Executor>(); }).join();
  const int pid = executor->worker_pid();
  EXPECT_EQ(executor->run(database, "SELECT 1").outcome, Outcome::ok);
  EXPECT_EQ(executor->worker_pid(), pid);

  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    Executor other;
    const int worker = other.worker_pid();
    if (::write(ends[1], &worker, sizeof worker) != sizeof worker) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  int worker = 0;
  ASSERT_EQ(::read(ends[0], &worker, sizeof worker), static_cast<ssize_t>(sizeof worker));
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  bool gone = false;
  for (int i = 0; i < 500 && !gone; ++i) {
    const std::string stat = "/proc/" + std::to_string(worker) + "/stat";
    std::ifstream in(stat);
    std::string id, name, state;
    gone = !(in >> id >> name >> state) || state == "Z";
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(gone);
}

TEST_F(Sandbox, sees_a_database_that_changed_and_names_one_that_is_broken) {
  Executor executor;
  EXPECT_EQ(to_text(executor.run(database, "SELECT count(*) FROM singer").rows[0][0]), "6");
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(database.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "DELETE FROM singer WHERE singer_id = 1", nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(db);
  EXPECT_EQ(to_text(executor.run(database, "SELECT count(*) FROM singer").rows[0][0]), "5");

  std::ofstream(database)
      << "this is not a database, however long the text may be that stands in it";
  const Result broken = executor.run(database, "SELECT count(*) FROM singer");
  EXPECT_EQ(broken.outcome, Outcome::sql_error);
  EXPECT_NE(broken.message.find("not a database"), std::string::npos) << broken.message;
  std::ofstream(folder / "concert_singer.sqlite-wal") << "unsaved";
  EXPECT_THROW(Executor().run(database, "SELECT 1"), Error);
  EXPECT_THROW(executor.run(folder / "nowhere.sqlite", "SELECT 1"), Error);
  EXPECT_THROW(executor.run(folder, "SELECT 1"), Error);
}

TEST(SandboxFiles, a_missing_worker_is_an_error_that_names_it) {
  try {
    Executor executor({.worker = "/nowhere/tradeoff-sql-worker"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("/nowhere/tradeoff-sql-worker"), std::string::npos);
  }
  EXPECT_THROW(Executor({.worker = "/bin/true"}), Error);
}

}  // namespace
}  // namespace tradeoff::sql
