#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tradeoff/task/schema.hpp"

namespace tradeoff::task {

struct SpiderExample {
  // Place in its file, from 0; of dev.json also the line of dev_gold.sql, the id of the official
  // scripts.
  std::size_t index = 0;
  std::string db_id, question;
  // Gold SQL as the file has it.
  std::string query;
  // From the file's parsed form, else from the text; empty where the official grammar does not
  // cover it.
  std::string hardness;
  // Of data of one's own; empty: the index.
  std::string id = {};
  // Item::label and Item::also_right.
  std::string label = {};
  std::vector<std::string> also_right = {};
};

/// A Spider folder as released.
struct Spider {
  std::vector<SpiderExample> dev, train;
  sql::Schemas schemas;
  // FOLDER/database and FOLDER/tables.json.
  std::filesystem::path databases, tables;
  // The train file where the folder has none; empty where it has one.
  std::filesystem::path missing_train;
  // Over the bytes of the files read and of the dev databases.
  std::string sha256;

  /// Of a question that was read from this folder.
  const sql::Schema& schema_of(const SpiderExample& example) const {
    return *schemas.find(example.db_id);
  }
  /// Throws Error naming the missing train file and `purpose`, which needs it ("3 shots").
  void require_train(const std::string& purpose) const;
  /// database/<db_id>/<db_id>.sqlite.
  std::filesystem::path database_of(const std::string& db_id) const;
};

struct SpiderFiles {
  // Adds the 1,659 questions of train_others.json to the 7,000 of train_spider.json, numbered on.
  bool train_others = false;
};

/// Reads dev.json, train_spider.json (which may be missing as long as nothing asks for it),
/// tables.json, and holds dev_gold.sql, where it lies there, against dev.json. Throws Error naming
/// file and question for a missing or malformed file, a missing or empty key, a database that
/// tables.json does not know, a dev database without its .sqlite file, a file with no question.
Spider load_spider(const std::filesystem::path& folder, const SpiderFiles& files = {});

struct SpiderDraw {
  // Decides which questions are drawn; equal for all arms and seeds. Stream "spider-questions".
  std::uint64_t data_seed = 0;
  // How many of dev; 0: all.
  std::size_t questions = 0;
  // At most so many: the first of the draw, or of dev.json where all are taken; 0: no limit.
  std::size_t limit = 0;
};

/// Indices into Spider::dev in its order; a smaller draw is part of a larger one.
/// Throws Error where more questions are asked than there are.
std::vector<std::size_t> draw_spider(const Spider& spider, const SpiderDraw& draw);

/// The solved train examples of a replicate: one order of all train examples from the seed's stream
/// "shots".
class SpiderShots {
 public:
  /// `spider` must outlive it.
  SpiderShots(const Spider& spider, std::uint64_t seed);

  /// The first `count` examples of the order that do not give `example` away or repeat one another:
  /// none of them has its database and its question, or its database and its gold query. So a
  /// training row is never its own shot, nor is a paraphrase of it; a question of a database
  /// outside train gets the same shots as all others. Throws Error where train has not enough.
  std::vector<const SpiderExample*> for_example(const SpiderExample& example,
                                                std::size_t count) const;

 private:
  const Spider& spider_;
  std::vector<std::size_t> order_;
};

}  // namespace tradeoff::task
