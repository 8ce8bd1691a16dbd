// Ten thousand small studies whose ranks die at drawn moments, with the real plan, counter,
// journals and gather; only the model and MPI are left out.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <memory>
#include <numeric>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/base/seed.hpp"
#include "tradeoff/comm/chunk_counter.hpp"
#include "tradeoff/study/prediction.hpp"

namespace tradeoff::study {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kSeeds = 10'000;

// In memory where the machine has such a folder: nothing here is to outlive it.
fs::path scratch() {
  const fs::path memory = "/dev/shm";
  return (fs::is_directory(memory) ? memory : fs::temp_directory_path()) /
         ("tradeoff-hand-out-" + std::to_string(::getpid()));
}

store::Prediction answer(const PredictionPlan& plan, std::int64_t item, std::int64_t sample) {
  store::WrittenAnswer written;
  written.text = "answer " + std::to_string(item * 7919 + sample);
  store::Prediction row;
  row.id = item;
  row.answer = std::move(written);
  if (plan.sampled()) row.sample = sample;
  return row;
}

// A rank of one start: its journal, and the chunk that it has in work.
struct Rank {
  std::unique_ptr<store::JournalWriter> journal;
  std::optional<std::int64_t> chunk;
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : stream_(seed, "hand-out"), folder_(scratch()) {
    items_.resize(1 + stream_.below(12));
    plan_.items = items_;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      items_[i].id = i;
      plan_.prompts.push_back({static_cast<text::TokenId>(i), 5});
      plan_.choices.emplace_back();
      if (plan_.chunks.empty() || stream_.below(2) == 0) plan_.chunks.emplace_back();
      plan_.chunks.back().prompts.push_back(static_cast<std::int64_t>(i));
      plan_.chunk_ids.resize(plan_.chunks.size(), 1000 + plan_.chunks.size());
      plan_.chunks.back().cost = static_cast<double>(stream_.below(4));
    }
    // Half of them with several answers to an item.
    if (stream_.below(2) == 0)
      plan_.decoding.sampling.rule = {.temperature = 1,
                                      .samples = static_cast<std::int64_t>(1 + stream_.below(3))};
    header_ = prediction_header(plan_, {{"model", seed}});
  }
  ~Simulation() { fs::remove_all(folder_); }

  // Starts until one is not killed. Returns how many there were.
  int run() {
    int starts = 1;
    while (!start(stream_.below(3) != 0)) ++starts;
    return starts;
  }

  void check_result() {
    FinishedChunks finished = finished_chunks(plan_, folder_, header_);
    EXPECT_TRUE(finished.told.damage.empty());
    EXPECT_EQ(finished.told.redone_rows, 0u) << "a chunk was handed out though a journal had it";
    EXPECT_LE(computed_, static_cast<std::int64_t>(plan_.chunks.size()) + lost_);
    const auto rows = collect(plan_, std::move(finished), /*all_expected=*/true, folder_).rows;
    const std::int64_t samples = plan_.samples();
    ASSERT_EQ(std::ssize(rows), std::ssize(items_) * samples);
    for (std::int64_t i = 0; i < std::ssize(rows); ++i)
      EXPECT_EQ(rows[i], answer(plan_, i / samples, i % samples));
  }

 private:
  // True where it came to its end.
  bool start(bool dies) {
    std::vector<std::int64_t> order;
    {
      const FinishedChunks finished = finished_chunks(plan_, folder_, header_);
      for (const std::int64_t index : infer::longest_first(plan_.chunks))
        if (!finished.chunks.contains(plan_.chunk_ids[index])) order.push_back(index);
    }
    const int count = static_cast<int>(1 + stream_.below(4));
    const store::Start own = store::new_start(count);
    std::vector<Rank> ranks(static_cast<std::size_t>(count));
    const comm::Session alone;
    comm::ChunkCounter counter(alone, order.size());
    for (Rank& rank : ranks)
      rank.journal = std::make_unique<store::JournalWriter>(folder_, header_, own);
    std::uint64_t moments = stream_.below(2 * order.size() + 2);
    while (true) {
      if (dies && moments-- == 0) {
        for (Rank& rank : ranks) kill(rank);
        return false;
      }
      Rank& rank = ranks[stream_.below(ranks.size())];
      if (rank.chunk) {
        append(rank);
      } else if (const auto next = counter.next()) {
        rank.chunk = order[*next];
        ++computed_;
      } else if (std::ranges::none_of(ranks, [](const Rank& r) { return r.chunk.has_value(); })) {
        return true;
      }
    }
  }

  void append(Rank& rank) {
    std::vector<Json> rows;
    for (const std::int64_t item : plan_.chunks[*rank.chunk].prompts) {
      for (std::int64_t sample = 0; sample < plan_.samples(); ++sample)
        rows.push_back(to_json(answer(plan_, item, sample), plan_.form));
    }
    (void)rank.journal->append(plan_.chunk_ids[*rank.chunk], rows);
    rank.chunk.reset();
  }

  // What is left of the journal: all that was written before, and any part of what was being
  // written; with a power cut NULs follow it.
  void kill(Rank& rank) {
    const fs::path path = rank.journal->path();
    std::size_t kept = fs::file_size(path);
    if (rank.chunk) {
      ++lost_;
      append(rank);
      const std::size_t written = fs::file_size(path);
      kept += stream_.below(written - kept);
    }
    std::string bytes = read_text(path).substr(0, kept);
    if (stream_.below(4) == 0) bytes.append(stream_.below(64), '\0');
    rank.journal.reset();
    std::ofstream(path, std::ios::binary) << bytes;
  }

  SeedStream stream_;
  fs::path folder_;
  std::vector<task::Item> items_;
  PredictionPlan plan_;
  Json header_;
  std::int64_t computed_ = 0, lost_ = 0;
};

TEST(FinishedChunks, that_are_not_the_plans_are_computed_again) {
  const fs::path folder = scratch();
  std::vector<task::Item> items(1);
  items[0].id = 7;
  PredictionPlan plan;
  plan.items = items;
  plan.chunks.resize(1);
  plan.chunks[0].prompts = {0};
  plan.chunk_ids = {5};
  const Json header = {{"model", 1}};
  const Json right = to_json(answer(plan, 7, 0), plan.form);
  const auto found = [&](std::uint64_t chunk, const Json& row) {
    fs::remove_all(folder);
    (void)store::JournalWriter(folder, header, store::new_start(1)).append(chunk, std::array{row});
    const std::size_t count = finished_chunks(plan, folder, header).chunks.size();
    fs::remove_all(folder);
    return count;
  };
  EXPECT_EQ(found(5, right), 1u);
  EXPECT_EQ(found(6, right), 0u) << "another chunk";
  for (const auto& [key, value] : {std::pair<const char*, Json>{"id", 8},
                                   {"text", 3},
                                   {"finish", "later"},
                                   {"sample", 0},
                                   {"colour", "red"}}) {
    Json other = right;
    other[key] = value;
    EXPECT_EQ(found(5, other), 0u) << key;
  }
  Json shorter = right;
  shorter.erase("sql");
  EXPECT_EQ(found(5, shorter), 0u);
}

TEST(Collect, tells_the_item_without_an_answer) {
  std::vector<task::Item> items(2);
  items[0].id = 7;
  items[0].skipped = true;
  items[1].id = 8;
  PredictionPlan plan;
  plan.items = items;
  const Predicted stopped = collect(plan, {}, /*all_expected=*/false, "journals");
  EXPECT_FALSE(stopped.complete);
  EXPECT_EQ(stopped.answered, 1);
  EXPECT_TRUE(stopped.rows.empty());
  try {
    (void)collect(plan, {}, /*all_expected=*/true, "journals");
    FAIL() << "a lost answer was passed over";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("journals: no answer to item 8"), std::string::npos)
        << error.what();
  }
}

TEST(HandOut, every_item_is_answered_once_whoever_dies_when) {
  int starts = 0;
  for (std::uint64_t seed = 0; seed < kSeeds && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Simulation simulation(seed);
    starts += simulation.run();
    simulation.check_result();
  }
  EXPECT_GT(starts, 2 * static_cast<int>(kSeeds));
}

}  // namespace
}  // namespace tradeoff::study
