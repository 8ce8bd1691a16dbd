#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "tradeoff/base/error.hpp"
#include "tradeoff/text/tokenizer.hpp"

namespace tradeoff::task {

/// What `act` threw, or "(no error)".
inline std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

/// A folder of its own for each test.
struct TaskFiles : testing::Test {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("tradeoff-task-" + std::to_string(::getpid()));
  void SetUp() override { std::filesystem::create_directories(folder); }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::filesystem::path file(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
};

inline const std::filesystem::path kData =
    std::filesystem::path(TRADEOFF_SOURCE_DIR) / "jobs" / "data";

/// A token for each byte and for each special token: the number of tokens of a text is its length.
inline text::Vocabulary byte_vocabulary(const std::vector<std::string>& specials) {
  text::Vocabulary vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary.tokens.emplace_back(1, static_cast<char>(byte));
  }
  for (const std::string& special : specials) {
    const auto id = static_cast<text::TokenId>(vocabulary.tokens.size());
    vocabulary.tokens.push_back(special);
    vocabulary.added.push_back({id, special, true});
  }
  vocabulary.merges.emplace();
  return vocabulary;
}

inline text::Tokenizer chatml_bytes() {
  return text::Tokenizer(byte_vocabulary({"<|im_start|>", "<|im_end|>"}));
}

inline text::Tokenizer llama3_bytes() {
  return text::Tokenizer(byte_vocabulary(
      {"<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}));
}

}  // namespace tradeoff::task
