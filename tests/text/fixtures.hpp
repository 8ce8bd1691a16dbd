#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tradeoff/base/error.hpp"
#include "tradeoff/text/tokenizer.hpp"

namespace tradeoff::text {

/// Meta's Llama-3 tokenizer.model and SmolLM2's GGUF, loaded once.
inline const Tokenizer& llama3() {
  static const Tokenizer tokenizer = load_tokenizer(TRADEOFF_LLAMA3_RANKS);
  return tokenizer;
}
inline const Tokenizer& smollm2() {
  static const Tokenizer tokenizer = load_tokenizer(TRADEOFF_SMOLLM2_GGUF);
  return tokenizer;
}

/// A folder that goes with the test.
struct TextFiles : testing::Test {
  std::filesystem::path folder = std::filesystem::temp_directory_path() /
                                 ("tradeoff-text-" + std::to_string(::getpid()) + "-" +
                                  testing::UnitTest::GetInstance()->current_test_info()->name());
  void SetUp() override { std::filesystem::create_directories(folder); }
  void TearDown() override { std::filesystem::remove_all(folder); }
  std::filesystem::path file(const std::string& name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
  }
};

/// What `call` throws; "no error" otherwise.
template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

#define EXPECT_SAYS(text, part) \
  EXPECT_NE((text).find(part), std::string::npos) << "said: " << (text)

}  // namespace tradeoff::text
