#include "hostile_statements.hpp"

namespace tradeoff::sql {
namespace {

std::string repeated(const std::string& text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result += text;
  return result;
}

// Each common table expression names the one before twice: 2^n copies inside the compiler.
std::string compile_bomb(int levels) {
  std::string sql = "WITH c0 AS (SELECT 1 AS a)";
  for (int i = 1; i <= levels; ++i) {
    const std::string before = "c" + std::to_string(i - 1);
    sql += ", c" + std::to_string(i) + " AS (SELECT x.a FROM " + before + " x, " + before + " y)";
  }
  return sql + " SELECT count(*) FROM c" + std::to_string(levels);
}

std::string cross_join(int tables, const std::string& select, const std::string& end) {
  std::string sql = "SELECT " + select + " FROM sqlite_master t0";
  for (int i = 1; i < tables; ++i) sql += ", singer_in_concert t" + std::to_string(i);
  return sql + end;
}

}  // namespace

std::vector<std::string> hostile_statements() {
  std::vector<std::string> all = {
      // Writes.
      "DROP TABLE singer",
      "DELETE FROM singer",
      "UPDATE singer SET name = 'x'",
      "INSERT INTO singer DEFAULT VALUES",
      "REPLACE INTO singer (singer_id) VALUES (1)",
      "INSERT INTO singer SELECT * FROM singer",
      "CREATE TABLE evil (a)",
      "CREATE TABLE evil AS SELECT * FROM singer",
      "CREATE INDEX i ON singer (name)",
      "CREATE VIEW v AS SELECT 1",
      "CREATE TRIGGER r AFTER INSERT ON singer BEGIN SELECT 1; END",
      "ALTER TABLE singer RENAME TO s",
      "ALTER TABLE singer ADD COLUMN x",
      "DROP INDEX IF EXISTS i",
      "WITH x AS (SELECT 1) DELETE FROM singer",
      "WITH x AS (SELECT 1) INSERT INTO singer SELECT * FROM singer",
      "WITH x AS (SELECT 1) UPDATE singer SET age = 1",
      "DELETE FROM singer RETURNING *",
      "INSERT INTO sqlite_master VALUES (1, 2, 3, 4, 5)",
      "UPDATE sqlite_master SET sql = ''",
      // Temporary objects, which a read-only connection allows.
      "CREATE TEMP TABLE t (a)",
      "CREATE TEMP VIEW singer AS SELECT 1",
      "CREATE TEMPORARY TRIGGER t DELETE ON singer BEGIN SELECT 1; END",
      "CREATE VIRTUAL TABLE temp.f USING fts3(a)",
      "CREATE VIRTUAL TABLE temp.f USING fts5(a)",
      "CREATE VIRTUAL TABLE temp.r USING rtree(a, b, c)",
      // Other files.
      "ATTACH DATABASE '/tmp/tradeoff-evil.db' AS e",
      "ATTACH ':memory:' AS m",
      "DETACH DATABASE main",
      "VACUUM",
      "VACUUM INTO '/tmp/tradeoff-evil.db'",
      "VACUUM main INTO '/tmp/tradeoff-evil.db'",
      "SELECT load_extension('/lib/x86_64-linux-gnu/libm.so.6')",
      "SELECT load_extension('x', 'y')",
      "SELECT readfile('/etc/passwd')",
      "SELECT writefile('/tmp/tradeoff-evil', 'x')",
      "SELECT edit('x')",
      "SELECT * FROM fsdir('/')",
      "SELECT * FROM zipfile('/tmp/x')",
      "SELECT * FROM csv('/etc/passwd')",
      // Settings and state.
      "PRAGMA writable_schema = 1",
      "PRAGMA case_sensitive_like = 1",
      "PRAGMA journal_mode = WAL",
      "PRAGMA temp_store_directory = '/tmp'",
      "PRAGMA reverse_unordered_selects = 1",
      "PRAGMA user_version = 7",
      "PRAGMA hard_heap_limit = 0",
      "PRAGMA table_info(singer)",
      "PRAGMA integrity_check",
      "PRAGMA query_only = 0",
      "SELECT * FROM pragma_table_info('singer')",
      "SELECT * FROM pragma_database_list",
      "SELECT * FROM pragma_user_version",
      "SELECT count(*) FROM pragma_function_list",
      "SELECT * FROM (SELECT * FROM pragma_compile_options)",
      "SELECT 1 FROM pragma_hard_heap_limit(0)",
      "BEGIN",
      "BEGIN EXCLUSIVE",
      "COMMIT",
      "ROLLBACK",
      "SAVEPOINT s",
      "RELEASE s",
      "END TRANSACTION",
      "ANALYZE",
      "ANALYZE singer",
      "REINDEX",
      "REINDEX singer",
      "EXPLAIN SELECT 1",
      "EXPLAIN QUERY PLAN SELECT 1",
      // Several statements.
      "SELECT 1; DROP TABLE singer",
      "SELECT 1; SELECT 2",
      "; DROP TABLE singer",
      "SELECT 1 ;; DELETE FROM singer",
      "SELECT 1; -- then\nDELETE FROM singer",
      "SELECT 1;/**/PRAGMA user_version = 3",
      // Tables that are programs.
      "SELECT * FROM dbstat",
      "SELECT * FROM sqlite_dbpage",
      "SELECT * FROM sqlite_stmt",
      "SELECT * FROM json_each('[1]')",
      "SELECT * FROM json_tree('{}')",
      "SELECT * FROM generate_series(1, 1000000000)",
      "SELECT * FROM fts3tokenize('simple')",
      "SELECT * FROM bytecode('SELECT 1')",
      "SELECT * FROM tables_used('SELECT 1')",
      "SELECT count(*) FROM completion('s')",
      // Memory corruption and pointers.
      "SELECT fts3_tokenizer('zz', x'4141414141414141')",
      "SELECT hex(fts3_tokenizer('simple'))",
      "SELECT fts3_tokenizer('simple', x'00')",
      "SELECT fts5(1)",
      "SELECT matchinfo(singer) FROM singer",
      "SELECT rtreecheck('main', 'singer')",
      "SELECT snippet(singer) FROM singer",
      "SELECT * FROM singer WHERE name MATCH 'x'",
      "SELECT optimize(singer) FROM singer",
      // What differs from run to run.
      "SELECT random()",
      "SELECT hex(randomblob(4))",
      "SELECT name FROM singer ORDER BY random()",
      "SELECT date('now')",
      "SELECT datetime('now', 'localtime')",
      "SELECT julianday()",
      "SELECT strftime('%s', 'now')",
      "SELECT current_timestamp",
      "SELECT CURRENT_DATE",
      "SELECT current_time",
      "SELECT unixepoch()",
      "SELECT time()",
      "SELECT last_insert_rowid()",
      "SELECT changes()",
      "SELECT total_changes()",
      "SELECT sqlite_version()",
      "SELECT sqlite_source_id()",
      "SELECT sqlite_compileoption_get(1)",
      "SELECT sqlite_log(1, 'x')",
      "SELECT date('2020-01-01', 'localtime') WHERE date('now') > 0",
      // Bytes without end.
      "SELECT randomblob(1000000000)",
      "SELECT hex(zeroblob(490000000))",
      "SELECT zeroblob(1000000000)",
      "SELECT printf('%1000000000d', 1)",
      "SELECT format('%.900000c', 'a')",
      "SELECT length(printf('%.900000c', 'a'))",
      "SELECT instr(printf('%.900000c','a'), printf('%.450000c','a')||'b')",
      "SELECT replace(printf('%.900000c','a'), printf('%.450000c','a')||'b', '')",
      "SELECT replace(hex(replace(hex(replace(hex('aaaaaaaaaaaaaaaa'), '6', 'bbbbbbbbbbbbbbbb')), "
      "'6', 'cccccccccccccccc')), '6', 'dddddddddddddddddddddddddd')",
      "WITH RECURSIVE g(s) AS (SELECT 'a' UNION ALL SELECT s || s FROM g) SELECT length(s) FROM g",
      "WITH RECURSIVE g(s, n) AS (SELECT 'ab', 1 UNION ALL SELECT s || s, n + 1 FROM g WHERE n < "
      "16) SELECT instr(a.s, b.s || 'c') FROM g a, g b",
      "WITH RECURSIVE g(s, n) AS (SELECT 'ab', 1 UNION ALL SELECT s || s, n + 1 FROM g WHERE n < "
      "16) SELECT replace(a.s, b.s || 'c', 'd') FROM g a, g b",
      "WITH RECURSIVE g(s, n) AS (SELECT 'a%', 1 UNION ALL SELECT s || s, n + 1 FROM g WHERE n < "
      "8) SELECT count(*) FROM g a, g b WHERE replace(b.s, '%', 'a') LIKE a.s || 'b'",
      "SELECT group_concat(a.name || b.name || c.name || d.name) FROM singer a, singer b, singer "
      "c, singer d, singer e",
      "SELECT max(a.name || b.name) FROM singer a, singer b, singer c, singer d, singer e, singer "
      "f, singer g, singer h, singer i",
      // Time without end.
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c",
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c",
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT 1 FROM c) SELECT max(x) FROM c ORDER BY 1",
      "WITH RECURSIVE c(x, y) AS (SELECT 1, 1 UNION SELECT x + 1, y * 2 FROM c) SELECT sum(y) FROM "
      "c",
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT a.x FROM c a, c b "
      "ORDER BY a.x DESC",
      compile_bomb(25),
      compile_bomb(40),
      compile_bomb(200),
      cross_join(12, "count(*)", ""),
      cross_join(12, "*", ""),
      cross_join(20, "t0.name", " ORDER BY t1.concert_id, t2.concert_id"),
      cross_join(9,
                 "DISTINCT t1.concert_id, t2.concert_id, t3.concert_id, t4.concert_id, "
                 "t5.concert_id, t6.concert_id",
                 ""),
      cross_join(12, "t0.name, group_concat(t1.concert_id)",
                 " GROUP BY t2.singer_id, t3.singer_id, t4.singer_id"),
      cross_join(64, "1", " LIMIT 1"),
      cross_join(65, "1", ""),
      "SELECT count(*) FROM singer a, singer b, singer c, singer d, singer e, singer f, singer g, "
      "singer h, singer i, singer j",
      "SELECT (SELECT count(*) FROM singer a, singer b, singer c, singer d, singer e, singer f, "
      "singer g, singer h WHERE a.age = z.age) FROM singer z",
      // Size and shape.
      "SELECT " + repeated("(", 2'000) + "1" + repeated(")", 2'000),
      "SELECT " + repeated("-", 50'000) + "1",
      "SELECT " + repeated("NOT ", 20'000) + "1",
      "SELECT 1" + repeated(" + 1", 20'000),
      "SELECT 1" + repeated(", 1", 3'000),
      "SELECT 1" + repeated(" UNION ALL SELECT 1", 4'000),
      "SELECT 1" + repeated(" UNION SELECT 1", 600),
      "SELECT max(1" + repeated(", 1", 200) + ")",
      "SELECT 1 WHERE 1 IN (1" + repeated(", 1", 30'000) + ")",
      "SELECT CASE 1" + repeated(" WHEN 1 THEN 1", 5'000) + " END",
      "SELECT '" + repeated("x", 1'000'000) + "'",
      "SELECT * FROM singer WHERE name = '" + repeated("y", 99'000) + "'",
      repeated("SELECT ", 150'000),
      repeated("(", 100'000),
      "SELECT " + repeated("(SELECT ", 500) + "1" + repeated(")", 500),
      repeated("SELECT * FROM (", 300) + "SELECT 1" + repeated(")", 300),
      "SELECT ?1",
      "SELECT ?999999999",
      "SELECT :a, @b, $c",
      "SELECT 1 FROM singer LIMIT -1 OFFSET -9223372036854775808",
      "SELECT -9223372036854775808 / -1, abs(-9223372036854775807 - 1)",
      "SELECT 1e999, -1e999, 1e999 - 1e999",
      "SELECT x'00', '\xff\xfe'",
      "SELECT substr('abc', -9223372036854775808, 9223372036854775807)",
      "SELECT round(1e300, 1000000), char(1114112, 55296)",
  };
  using namespace std::string_literals;
  // NUL bytes, other bytes that are no text, and unfinished tokens.
  for (const std::string& text :
       {"SELECT 1\0; DROP TABLE singer"s, "\0SELECT 1"s, "SELECT '\0'"s, "SELECT 'abc"s,
        "SELECT \"abc"s, "SELECT [abc"s, "SELECT /* abc"s, "SELECT 1 -- abc"s, "\xff\xfe\xfd"s,
        "SELECT \xc3\x28"s, "\xef\xbb\xbfSELECT 1"s, "SELECT 1 /*/ ; */"s, "SELECT x'0"s,
        "SELECT 0x"s, "SELECT 1 FROM"s, "SELECT 'a' ''''"s})
    all.push_back(text);
  return all;
}

}  // namespace tradeoff::sql
