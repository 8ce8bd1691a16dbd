#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "synthetic_study.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/report/analysis/analysis.hpp"

namespace tradeoff::report {

/// A folder of its own for each test, gone afterwards.
class ReportTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder = std::filesystem::temp_directory_path() /
             (std::string("tradeoff-report-") + info->name() + "-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  /// The file of a synthetic study, changed by `change` where it is given.
  std::filesystem::path file(const std::string& name, const SyntheticOptions& options,
                             const std::function<void(store::Predictions&)>& change = {}) {
    store::Predictions study = synthetic_study(options);
    if (change) change(study);
    const auto path = folder / (name + ".h5");
    store::write_predictions(path, study);
    return path;
  }

  static std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  /// The message of the Error that `work` throws; "" where it throws none.
  static std::string error_of(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path folder;
};

/// Few questions, so that a test takes milliseconds.
inline SyntheticOptions small_study() {
  SyntheticOptions options;
  options.spider = 60;
  options.mmlu = 57;
  options.training_steps = 20;
  return options;
}

}  // namespace tradeoff::report
