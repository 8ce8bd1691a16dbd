#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"

namespace tradeoff::task {

/// What a file of items is for; it decides which keys a row must have.
enum class Purpose {
  spider,  // id, prompt or prompt_ids
  mmlu,    // and choices
  train,   // id, prompt or prompt_ids, completion
};

/// One row of an items file. Strings that are empty are absent in the file.
struct Item {
  // The number or string of the file.
  Json id;
  std::string prompt;
  // Where not empty, these token ids are the prompt, whatever `prompt` says.
  std::vector<std::int32_t> prompt_ids;

  // Training rows: what is to be answered.
  std::string completion;

  // Spider.
  std::string db_id, question, query, schema, hardness;

  // MMLU: " A" to " D", the right letter, the subject and its group.
  std::vector<std::string> choices;
  std::string answer, subject, group;
  // MMLU: what the letters stand for; not in items files.
  std::vector<std::string> choice_texts;

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

/// Reads a JSONL file of items, in order. Throws Error "FILE:LINE: ..." for a row without id,
/// without prompt, with an id that occurred before, with choices other than four different strings,
/// with an answer other than A to D, or of a wrong type; "FILE: ..." where there is no item. Keys
/// it does not know are ignored.
std::vector<Item> read_items(const std::filesystem::path& path, Purpose purpose);

/// The row of `item`: the contract's keys in one fixed order, empty ones left out.
Json to_json(const Item& item);
/// Writes the rows as JSONL, whole or not at all. Returns the SHA-256 of the bytes.
std::string write_items(const std::filesystem::path& path, std::span<const Item> items);

}  // namespace tradeoff::task
