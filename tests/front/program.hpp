#pragma once
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

/// Runs the program in a folder of its own, removed after the test.
struct Program : testing::Test {
  struct Outcome {
    int code = -1;
    std::string out, err;
  };

  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("tradeoff-app-" + std::to_string(::getpid()));
  void SetUp() override { std::filesystem::create_directories(folder); }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
    return (folder / name).string();
  }
  static std::string read(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  /// `words` as a shell reads them; `launcher` stands before the program.
  Outcome run(const std::string& words, const std::string& launcher = "") {
    const std::string command = launcher + " '" TRADEOFF_PROGRAM "' " + words + " >'" +
                                (folder / "out").string() + "' 2>'" + (folder / "err").string() +
                                "'";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(folder / "out"),
            read(folder / "err")};
  }
};
