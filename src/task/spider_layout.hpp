#pragma once
#include <filesystem>
#include <string>

#include "tradeoff/task/spider.hpp"

namespace tradeoff::task {

/// Where the parts of a set of Spider's form lie, and how its rows are written.
struct SpiderLayout {
  // A JSON list of objects with db_id, query and the question.
  std::filesystem::path questions;
  std::string question_key = "question";
  // A number or text that becomes Item::label; empty: none.
  std::string label_key = {};
  std::filesystem::path tables, databases;
  // May be missing as long as nothing asks for it.
  std::filesystem::path train;
  // Training questions that are numbered on from `train`; empty: none.
  std::filesystem::path train_others = {};
};

/// Throws Error as load_spider does.
Spider read_spider(const SpiderLayout& layout);

}  // namespace tradeoff::task
