#include "fixture.hpp"
#include "tradeoff/report/page/tables.hpp"

namespace tradeoff::report {
namespace {

using Paths = std::vector<std::filesystem::path>;

Json reduced(const Paths& files) {
  const Study study = read_study(files);
  Json json = report_json(study, analyse(study));
  json.erase("notes");
  return json;
}

class Merge : public ReportTest {
 protected:
  // What two files that are not of one study are refused with.
  std::string refusal(const std::function<void(store::Predictions&)>& change) {
    SyntheticOptions options = small_study();
    options.seeds = {1};
    const auto first = file("first", options);
    options.seeds = {2};
    const Paths files = {first, file("second", options, change)};
    return error_of([&] { read_study(files); });
  }
};

TEST_F(Merge, files_of_one_seed_each_are_the_whole_study) {
  SyntheticOptions options = small_study();
  const auto whole = file("whole", options);
  Paths parts;
  for (const std::uint64_t seed : {1, 2, 3}) {
    options.seeds = {seed};
    parts.push_back(file("seed-" + std::to_string(seed), options));
  }
  EXPECT_EQ(reduced({whole}).dump(), reduced(parts).dump());
}

TEST_F(Merge, files_of_one_arm_each_are_the_whole_study) {
  SyntheticOptions options = small_study();
  const auto whole = file("whole", options);
  Paths parts;
  for (const char* arm : {"base", "qlora-50", "qlora-200"}) {
    options.arms = {arm};
    parts.push_back(file(arm, options));
  }
  EXPECT_EQ(reduced({whole}).dump(), reduced(parts).dump());
}

TEST_F(Merge, a_seed_twice_is_refused) {
  const auto path = file("study", small_study());
  const Paths files = {path, path};
  const std::string message = error_of([&] { read_study(files); });
  EXPECT_NE(message.find("arm base, seed 1, mmlu: stands in"), std::string::npos) << message;
}

TEST_F(Merge, what_is_computed_once_may_stand_in_several_files_if_it_is_equal) {
  EXPECT_EQ(refusal({}), "");
  const std::string message = refusal([](store::Predictions& study) {
    store::Run& run = study.runs.at({"base", 2, "mmlu"});
    store::Table rows;
    for (const auto& [name, column] : run.rows.columns()) {
      store::Column changed = column;
      if (name == "answer") std::get<store::Strings>(changed)[5] = "Z";
      rows.add(name, changed);
    }
    run.rows = rows;
  });
  EXPECT_NE(message.find("computed once, but"), std::string::npos) << message;
}

TEST_F(Merge, another_model_is_named) {
  const std::string message =
      refusal([](store::Predictions& s) { s.config["hashes"]["model_weights_sha256"] = "other"; });
  EXPECT_NE(message.find("hashes.model_weights_sha256"), std::string::npos) << message;
  EXPECT_NE(message.find("second.h5"), std::string::npos) << message;
}

TEST_F(Merge, other_data_is_named) {
  const std::string message =
      refusal([](store::Predictions& s) { s.config["hashes"]["spider_sha256"] = "other"; });
  EXPECT_NE(message.find("hashes.spider_sha256"), std::string::npos) << message;
}

TEST_F(Merge, another_configuration_of_an_arm_is_named) {
  const std::string message =
      refusal([](store::Predictions& s) { s.config["arms"]["qlora-50"]["spider"]["shots"] = 1; });
  EXPECT_NE(message.find("arms.qlora-50.spider.shots: 3 before, 1 now"), std::string::npos)
      << message;
}

TEST_F(Merge, another_prompt_version_is_named) {
  const std::string message =
      refusal([](store::Predictions& s) { s.versions["spider_prompt"] = "2"; });
  EXPECT_NE(message.find("versions.spider_prompt"), std::string::npos) << message;
}

TEST_F(Merge, other_prompts_for_the_same_seed_are_named) {
  SyntheticOptions options = small_study();
  options.seeds = {1};
  options.arms = {"base"};
  const auto first = file("first", options);
  options.arms = {"qlora-50"};
  const auto second = file("second", options, [](store::Predictions& s) {
    s.runs.at({"qlora-50", 1, "spider"}).attributes["prompts_sha256"] = std::string(64, '0');
  });
  const Paths files = {first, second};
  const std::string message = error_of([&] { read_study(files); });
  EXPECT_NE(message.find("prompts of spider, seed 1"), std::string::npos) << message;
}

TEST_F(Merge, other_questions_are_named) {
  SyntheticOptions options = small_study();
  options.seeds = {1};
  const auto first = file("first", options);
  options.seeds = {2};
  options.spider = 61;
  const auto second =
      file("second", options, [](store::Predictions& s) { s.config["spider"]["questions"] = 60; });
  const Paths files = {first, second};
  const std::string message = error_of([&] { read_study(files); });
  EXPECT_NE(message.find("items.spider: 60 items before, 61 now"), std::string::npos) << message;
}

TEST_F(Merge, a_torn_file_is_an_error_that_names_it) {
  const auto path = file("torn", small_study());
  for (const double part : {0.1, 0.5, 0.999}) {
    const auto size = std::filesystem::file_size(path);
    std::filesystem::resize_file(path,
                                 static_cast<std::uintmax_t>(part * static_cast<double>(size)));
    const Paths files = {path};
    const std::string message = error_of([&] { read_study(files); });
    EXPECT_NE(message.find("torn.h5"), std::string::npos) << part << ": " << message;
    std::filesystem::remove(path);
    file("torn", small_study());
  }
}

TEST_F(Merge, a_missing_cell_is_reported_and_the_rest_reduced) {
  const auto path = file("study", small_study(), [](store::Predictions& s) {
    s.runs.erase({"qlora-50", 2, "spider"});
  });
  const Paths files = {path};
  const Study study = read_study(files);
  ASSERT_EQ(study.missing.size(), 1u);
  EXPECT_EQ(study.missing[0].arm, "qlora-50");
  EXPECT_EQ(study.missing[0].seed, 2u);
  const Analysis analysis = analyse(study);
  EXPECT_EQ(analysis.summary_of("qlora-50", "spider")->seeds, 2u);
  EXPECT_EQ(analysis.pair_of("base", "qlora-50", "spider")->seeds, 2u);
  EXPECT_NE(markdown(study, analysis).find("Missing: arm qlora-50, seed 2, Spider"),
            std::string::npos);
}

TEST_F(Merge, arms_without_a_common_seed_make_no_pair) {
  const auto path = file("study", small_study(), [](store::Predictions& s) {
    s.runs.erase({"base", 1, "spider"});
    s.runs.erase({"qlora-50", 2, "spider"});
    s.runs.erase({"qlora-50", 3, "spider"});
  });
  const Paths files = {path};
  const Study study = read_study(files);
  EXPECT_EQ(study.missing.size(), 3u);
  const Analysis analysis = analyse(study);
  EXPECT_EQ(analysis.pair_of("base", "qlora-50", "spider"), nullptr);
  EXPECT_NE(analysis.pair_of("base", "qlora-200", "spider"), nullptr);
  EXPECT_NE(html(study, analysis), "");
}

}  // namespace
}  // namespace tradeoff::report
