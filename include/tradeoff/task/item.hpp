#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/task/kind.hpp"

namespace tradeoff::task {

/// One row of an items file. Strings that are empty are absent in the file.
struct Item {
  // The number or string of the file.
  Json id;
  std::string prompt;
  // Where not empty, these token ids are the prompt, whatever `prompt` says.
  std::vector<std::int32_t> prompt_ids;

  // Training rows: what is to be answered.
  std::string completion;

  // Queries.
  std::string db_id, question, query, schema, hardness;

  // Further queries that are as right; not in items files.
  std::vector<std::string> also_right;

  // A group of its own kind that a task tells of its items (Words::label); not in items files.
  std::string label;

  // Choices: " A", " B", ..., the right letter, the subject and its group.
  std::vector<std::string> choices;
  std::string answer, subject, group;
  // What the letters stand for; not in items files.
  std::vector<std::string> choice_texts;
  // Letters that an expert's correction of the data calls right; for a task that has corrections.
  std::vector<std::string> corrected;

  // Questions of the split that it was drawn from; not in items files. 0: not known.
  std::int64_t split_size = 0;

  // The ledger of the overflow policy. -1: not known.
  int prompt_tokens = -1;
  int shots_used = -1;
  // Why shots were dropped or the row is skipped.
  std::string overflow;
  // A skipped row is not predicted and not trained on; it stays in the denominator as wrong.
  bool skipped = false;
};

/// The id as text: 7 and "7" are the same id.
std::string id_text(const Json& id);

/// Reads a JSONL file of items of that kind, in order: id, prompt or prompt_ids; for kind choice
/// choices too. Throws Error "FILE:LINE: ..." for a row without id,
/// without prompt, with an id that occurred before, with choices other than 2 to 10 different
/// strings, with an answer that is no letter of them, or of a wrong type; "FILE: ..." where there
/// is no item. Keys it does not know are ignored.
std::vector<Item> read_items(const std::filesystem::path& path, Kind kind);
/// The same for training rows: id, prompt or prompt_ids, completion.
std::vector<Item> read_training_items(const std::filesystem::path& path);

/// The row of `item`: its keys (include/README.md) in one fixed order, empty ones left out.
Json to_json(const Item& item);
/// Writes the rows as JSONL, whole or not at all. Returns the SHA-256 of the bytes.
std::string write_items(const std::filesystem::path& path, std::span<const Item> items);

}  // namespace tradeoff::task
