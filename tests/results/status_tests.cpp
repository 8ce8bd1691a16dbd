#include "tradeoff/results/status.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/results/ledger.hpp"
#include "tradeoff/store/journal.hpp"

namespace tradeoff::results {
namespace {

namespace fs = std::filesystem;

struct Status : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("tradeoff-status-" + std::to_string(::getpid()));
  std::int64_t now = 0;

  void SetUp() override {
    fs::create_directories(folder);
    now = std::chrono::duration_cast<std::chrono::seconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count();
    const Json tasks = {{{"task", "spider"}, {"questions", 10}}};
    const Json plan = {
        {"cells",
         {{{"arm", "base"}, {"seed", 1}, {"trains", false}, {"steps", nullptr}, {"tasks", tasks}},
          {{"arm", "tuned"}, {"seed", 1}, {"trains", true}, {"steps", 4}, {"tasks", tasks}}}}};
    write_atomically(folder / "study.json",
                     Json{{"config", {{"study", {{"name", "tiny"}}}}}, {"plan", plan}}.dump());
  }
  void TearDown() override { fs::remove_all(folder); }

  // A sign of life of seven seconds ago.
  void beat(const std::string& doing) {
    const Json beat = {{"launch", "77"}, {"rank", 1},
                       {"ranks", 2},     {"host", "node7"},
                       {"pid", 12},      {"started", static_cast<double>(now) - 60},
                       {"beat", 4},      {"time", static_cast<double>(now) - 7},
                       {"doing", doing}};
    write_atomically(folder / "heartbeat/node7-12.json", beat.dump());
  }
  void answer(const std::string& arm, std::uint64_t chunk, std::size_t rows) {
    store::JournalWriter journal(folder / "journal" / arm / "seed-1" / "spider", {{"task", "x"}},
                                 store::new_start(1));
    (void)journal.append(chunk, std::vector<Json>(rows, Json{{"item", 1}}));
  }
  void make_steps(std::int64_t steps) {
    store::AppendFile file(folder / "arms/tuned/seed-1/adapter/train.jsonl",
                           store::Begin::new_file);
    for (std::int64_t step = 1; step <= steps; ++step)
      file.append(store::seal({{"step", step}, {"seconds", 2.0}}));
  }
};

TEST_F(Status, a_folder_without_a_study_is_refused_by_name) {
  EXPECT_THROW(read_status(folder / "none", now), Error);
  write_atomically(folder / "study.json", Json{{"config", Json::object()}}.dump());
  try {
    read_status(folder, now);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("no \"plan\""), std::string::npos) << error.what();
  }
}

TEST_F(Status, nothing_begun_is_missing_with_no_time_known) {
  const StudyStatus status = read_status(folder, now);
  EXPECT_EQ(status.name, "tiny");
  EXPECT_EQ(status.count(Progressed::missing), 2u);
  EXPECT_FALSE(status.complete);
  EXPECT_FALSE(status.left_s);
  EXPECT_NE(status_text(status).find("spider 0/10"), std::string::npos);
}

TEST_F(Status, finished_chunks_and_steps_count_and_chunks_of_two_journals_once) {
  answer("base", 0, 4);
  answer("base", 0, 4);
  answer("base", 1, 3);
  fs::create_directories(folder / "arms/tuned/seed-1/adapter");
  make_steps(3);
  beat("between two");
  const StudyStatus status = read_status(folder, now);
  ASSERT_EQ(status.cells.size(), 2u);
  EXPECT_EQ(status.cells[0].state, Progressed::running);
  EXPECT_EQ(status.cells[0].work[0].done, 7);
  EXPECT_EQ(status.cells[0].work[0].made, 11);
  EXPECT_EQ(status.cells[1].work[0].name, "training");
  EXPECT_EQ(status.cells[1].work[0].done, 3);
  EXPECT_EQ(status.cells[1].work[0].total, 4);
  // One step of 2 s is left, and questions at a rate that is told by what was answered.
  ASSERT_TRUE(status.left_s);
  EXPECT_GE(*status.left_s, 1.0);
  // What nobody has touched for long does not run, and neither what ended in order, at once.
  EXPECT_EQ(read_status(folder, now + 2 * kRunningWithinS).count(Progressed::running), 0u);
  fs::remove_all(folder / "heartbeat");
  EXPECT_EQ(read_status(folder, now).count(Progressed::running), 0u);
}

TEST_F(Status, a_torn_line_and_a_foreign_file_do_not_count) {
  answer("base", 0, 4);
  const fs::path journals = folder / "journal/base/seed-1/spider";
  {
    store::AppendFile torn(journals / "journal-torn.jsonl", store::Begin::new_file);
    torn.append(R"({"crc32c":"00000000","chunk":5,"rows":5,"seconds":1}
{"crc32c":"00)");
  }
  write_atomically(journals / "notes.txt", "rows");
  EXPECT_EQ(read_status(folder, now).cells[0].work[0].done, 4);
}

TEST_F(Status, the_ledger_tells_that_a_task_is_through_with_as_many_questions_as_are_asked) {
  answer("base", 0, 9);
  beat("");
  EXPECT_EQ(read_status(folder, now).cells[0].state, Progressed::running);
  LedgerEntry entry;
  entry.arm = "base";
  entry.task = "spider";
  entry.seed = 1;
  // A study that has grown since.
  entry.questions = 6;
  record_cost(folder / "ledger.jsonl", entry);
  EXPECT_EQ(read_status(folder, now).cells[0].state, Progressed::running);
  // Some were skipped, and stand in no journal.
  entry.questions = 10;
  record_cost(folder / "ledger.jsonl", entry);
  EXPECT_EQ(read_status(folder, now).cells[0].state, Progressed::complete);
}

TEST_F(Status, complete_is_what_complete_json_vouches_for) {
  write_atomically(folder / "predictions.h5", "rows");
  write_atomically(folder / "complete.json",
                   Json{{"complete", true}, {"predictions_sha256", sha256("rows")}}.dump());
  EXPECT_TRUE(read_status(folder, now).complete);
  write_atomically(folder / "predictions.h5", "others");
  const StudyStatus status = read_status(folder, now);
  EXPECT_FALSE(status.complete);
  ASSERT_EQ(status.remarks.size(), 1u);
  EXPECT_NE(status.remarks[0].find("complete.json"), std::string::npos);
}

TEST_F(Status, ranks_tell_of_themselves_and_what_is_no_heartbeat_is_passed_over) {
  beat("arm tuned, seed 1: training, step 3 of 4");
  write_atomically(folder / "heartbeat/node7-13.json", "{");
  const StudyStatus status = read_status(folder, now);
  ASSERT_EQ(status.ranks.size(), 1u);
  EXPECT_DOUBLE_EQ(status.ranks[0].age_s, 7);
  EXPECT_EQ(status.cells[1].state, Progressed::running);
  EXPECT_NE(status_text(status).find("rank 1/2 node7: 7 s ago, arm tuned"), std::string::npos);
  EXPECT_EQ(status_json(status)["ranks"][0]["host"], "node7");
}

}  // namespace
}  // namespace tradeoff::results
