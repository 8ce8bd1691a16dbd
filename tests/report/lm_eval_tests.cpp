// Files of lm-evaluation-harness 0.4.13 (lm_eval/make_fixture.py made them) against this program's.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "export/lm_eval_samples.hpp"
#include "fixture.hpp"
#include "tradeoff/report/export/exports.hpp"
#include "tradeoff/report/files/result_file.hpp"
#include "tradeoff/results/prompt_table.hpp"
#include "tradeoff/results/reduce.hpp"

namespace tradeoff::report {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(TRADEOFF_SOURCE_DIR) / "tests" / "report" / "lm_eval";

// A run of lm-evaluation-harness, and what this program calls the same.
struct Real {
  fs::path folder;
  const char* time;
  Json asked;
  // What a vocabulary with a BOS puts before the text of a plain prompt.
  const char* bos;
};
const Real kPlain = {kFolder / "plain",
                     "2026-11-27T01-49-46.680872",
                     {{"shots", 2}, {"template", "plain"}},
                     "<|begin_of_text|>"};
const Real kTurns = {kFolder / "turns",
                     "2026-11-28T10-15-46.761236",
                     {{"shots", 2}, {"template", "chat"}, {"fewshot_as_multiturn", true}},
                     ""};

constexpr std::pair<const char*, const char*> kSubjects[] = {
    {"abstract_algebra", "stem"}, {"anatomy", "stem"}, {"philosophy", "humanities"}};

std::vector<Json> rows_of(const fs::path& path) {
  std::vector<Json> rows;
  for_each_json_line(path, [&](Json& row, std::size_t) { rows.push_back(row); });
  return rows;
}

std::vector<Json> samples_of(const Real& real, const std::string& subject) {
  return rows_of(real.folder / fmt::format("samples_mmlu_{}_{}.jsonl", subject, real.time));
}

Json results_of(const Real& real) {
  return read_json(real.folder / fmt::format("results_{}.json", real.time));
}

// The questions, prompts and log-probabilities of the real files, as a study would hold them.
store::Predictions study_of(const Real& real, bool with_greedy = true) {
  store::Strings id, subject, group, question, choices, answer, chosen;
  store::Ints split, item, greedy;
  store::Flags correct;
  store::Matrix logprobs{4, {}};
  std::vector<std::string> prompts;
  const Json results = results_of(real);
  for (const auto& [name, of_group] : kSubjects)
    for (const Json& row : samples_of(real, name)) {
      const Json& doc = row["doc"];
      id.push_back(fmt::format("{}/{}", name, row["doc_id"].get<int>()));
      subject.emplace_back(name);
      group.emplace_back(of_group);
      question.push_back(doc["question"]);
      std::string lines;
      int best = 0, likeliest = -1;
      for (int c = 0; c < 4; ++c) {
        lines +=
            fmt::format("{}{}. {}", c ? "\n" : "", "ABCD"[c], doc["choices"][c].get<std::string>());
        const Json& response = row["filtered_resps"][c];
        logprobs.values.push_back(std::stod(response[0].get<std::string>()));
        const auto& values = logprobs.values;
        if (values.back() > values[values.size() - 1 - c + best]) best = c;
        if (response[1] == "True") likeliest = c;
      }
      choices.push_back(lines);
      answer.emplace_back(1, "ABCD"[doc["answer"].get<int>()]);
      chosen.emplace_back(1, "ABCD"[best]);
      correct.push_back(chosen.back() == answer.back() ? 1 : 0);
      greedy.push_back(likeliest);
      split.push_back(results["n-samples"]["mmlu_" + std::string(name)]["original"]);
      item.push_back(static_cast<std::int64_t>(item.size()));
      prompts.push_back(real.bos + row["arguments"]["gen_args_0"]["arg_0"].get<std::string>());
    }
  store::Predictions p;
  p.config = {{"study", {{"name", "real"}, {"seeds", {0}}, {"tasks", {"mmlu"}}}},
              {"arms", {{"base", {{"mmlu", real.asked}}}}},
              {"dtype", "float32"}};
  store::Table& items = p.items["mmlu"];
  items.add("id", id);
  items.add("subject", subject);
  items.add("group", group);
  items.add("question", question);
  items.add("choices", choices);
  items.add("answer", answer);
  items.add("split_size", split);
  store::Run& run = p.runs[{"base", 0, "mmlu"}];
  run.rows.add("item", item);
  run.rows.add("answer", chosen);
  run.rows.add("correct", correct);
  run.rows.add("choice_logprobs", logprobs);
  if (with_greedy) run.rows.add("greedy", greedy);
  run.attributes["prompts_sha256"] = std::string(64, 'a');
  p.summary[results::prompt_table_name(std::string(64, 'a'))] = results::prompt_table(prompts);
  return p;
}

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

// Every difference of two values, "a.b: x, y"; where one side has null it has no value.
void differences(const Json& real, const Json& own, const std::string& at,
                 std::vector<std::string>& found) {
  if (real.is_null() || own.is_null()) return;
  if (real.is_object() && own.is_object()) {
    for (const auto& [key, value] : real.items()) {
      if (!own.contains(key)) {
        found.push_back(at + "." + key + ": missing");
      } else {
        differences(value, own[key], at + "." + key, found);
      }
    }
    return;
  }
  if (real.is_number() && own.is_number()) {
    if (std::abs(real.get<double>() - own.get<double>()) > 1e-12)
      found.push_back(fmt::format("{}: {}, {}", at, to_line(real), to_line(own)));
  } else if (real != own) {
    found.push_back(fmt::format("{}: {}, {}", at, to_line(real), to_line(own)));
  }
}

class LmEval : public ReportTest {
 protected:
  fs::path export_of(const store::Predictions& predictions) {
    fs::create_directories(folder / "own");
    store::write_predictions(folder / "own" / "predictions.h5", predictions);
    const fs::path files[] = {folder / "own" / "predictions.h5"};
    const Study study = read_study(files);
    written = study.written();
    export_lm_eval(folder / "lm-eval", study);
    return folder / "lm-eval" / "base_seed-0";
  }
  std::string written;
  CompareOptions options;
};

// Of plain prompts and of turns.
class LmEvalFormats : public LmEval, public testing::WithParamInterface<const Real*> {};

INSTANTIATE_TEST_SUITE_P(, LmEvalFormats, testing::Values(&kPlain, &kTurns),
                         [](const auto& info) { return info.param->folder.filename().string(); });

TEST_P(LmEvalFormats, samples_equal_the_real_ones_key_by_key) {
  const fs::path cell = export_of(study_of(*GetParam()));
  for (const auto& [name, group] : kSubjects) {
    const auto real = samples_of(*GetParam(), name);
    const auto own = rows_of(cell / fmt::format("samples_mmlu_{}_{}.jsonl", name, written));
    ASSERT_EQ(own.size(), real.size());
    for (std::size_t i = 0; i < real.size(); ++i) EXPECT_EQ(own[i], real[i]) << own[i].dump(1);
  }
  // The time of predictions.h5, as names have it.
  EXPECT_EQ(written.size(), std::string(kPlain.time).size());
  EXPECT_EQ(written[10], 'T');
}

TEST_P(LmEvalFormats, results_have_the_real_keys_and_values) {
  const Json real = results_of(*GetParam());
  const fs::path cell = export_of(study_of(*GetParam()));
  const Json own = read_json(cell / fmt::format("results_{}.json", written));
  std::vector<std::string> found;
  // What tells of another program: its name, its model's size, its versions.
  Json expected = real;
  for (const char* key :
       {"model", "model_args", "batch_size", "limit", "numpy_seed", "torch_seed", "fewshot_seed"})
    expected["config"][key] = nullptr;
  for (const char* key : {"model_source", "model_name", "model_name_sanitized"})
    expected[key] = nullptr;
  for (auto& [task, config] : expected["configs"].items()) config["metadata"] = nullptr;
  differences(expected, own, "", found);
  EXPECT_EQ(fmt::format("{}", fmt::join(found, "\n")), "");
  EXPECT_EQ(keys_of(own), keys_of(real));
  for (const char* section : {"results", "groups", "group_subtasks", "configs", "versions",
                              "n-shot", "higher_is_better", "n-samples", "task_hashes"})
    EXPECT_EQ(keys_of(own[section]), keys_of(real[section])) << section;
  EXPECT_EQ(own["n-samples"]["mmlu_anatomy"]["original"], 135);
}

// _mmlu.yaml has neither the order of the alphabet nor that of the questions.
TEST(LmEvalTasks, stand_group_by_group_in_its_order) {
  store::Table items;
  items.add("subject", store::Strings{"astronomy", "birds", "formal_logic", "global_facts",
                                      "physics", "sociology"});
  items.add("group",
            store::Strings{"stem", "mine", "humanities", "other", "stem", "social_sciences"});
  std::vector<std::string> names;
  std::vector<std::size_t> rows;
  for (const EvalTask& task : eval_tasks(task::default_task(task::Kind::choice), items)) {
    names.push_back(task.group + "/" + task.alias);
    rows.insert(rows.end(), task.rows.begin(), task.rows.end());
  }
  EXPECT_EQ(fmt::format("{}", fmt::join(names, " ")),
            "mmlu_stem/astronomy mmlu_stem/physics mmlu_other/global_facts "
            "mmlu_social_sciences/sociology "
            "mmlu_humanities/formal_logic mmlu_mine/birds");
  EXPECT_EQ(rows, (std::vector<std::size_t>{0, 4, 3, 5, 2, 1}));
}

// Three of four rows have no choice that is the likeliest token; older files do not tell.
TEST_F(LmEval, greedy_is_none_where_the_file_does_not_tell) {
  const fs::path cell = export_of(study_of(kPlain, false));
  const auto own = rows_of(cell / fmt::format("samples_mmlu_anatomy_{}.jsonl", written));
  EXPECT_EQ(own[0]["filtered_resps"][0][1], "None");
}

// Group errors are pooled over the subjects, whatever their sizes: lm_eval.api.metrics.
TEST_F(LmEval, pooled_errors_of_unequal_subjects) {
  SyntheticOptions synthetic = small_study();
  const auto path = file("study", synthetic);
  const fs::path files[] = {path};
  Study study = read_study(files);
  export_lm_eval(folder / "lm-eval", study);
  const Json own = read_json(folder / "lm-eval" / "base_seed-1" /
                             fmt::format("results_{}.json", study.written()));
  // One question a subject: no error of a subject, so none of a group.
  EXPECT_EQ(own["results"]["mmlu"]["acc_stderr,none"], "N/A");
  EXPECT_EQ(own["results"]["spider"]["sample_len"], 60);
}

TEST_F(LmEval, a_gold_error_is_no_sample) {
  const auto path = file("study", small_study());
  const fs::path files[] = {path};
  Study study = read_study(files);
  store::Run& run = study.predictions.runs.at({"base", 1, "spider"});
  store::Strings outcome = run.rows.at<store::Strings>("outcome");
  outcome[0] = "gold_error";
  store::Table rows;
  for (const auto& [name, column] : run.rows.columns()) {
    if (name == "outcome") {
      rows.add(name, outcome);
    } else {
      std::visit([&](const auto& values) { rows.add(name, values); }, column);
    }
  }
  run.rows = rows;
  export_lm_eval(folder / "lm-eval", study);
  const fs::path cell = folder / "lm-eval" / "base_seed-1";
  const Json own = read_json(cell / fmt::format("results_{}.json", study.written()));
  EXPECT_EQ(own["results"]["spider"]["sample_len"], 59);
  EXPECT_EQ(own["n-samples"]["spider"]["effective"], 59);
  const auto samples = rows_of(cell / fmt::format("samples_spider_{}.jsonl", study.written()));
  EXPECT_TRUE(samples[0]["exec"].is_null());
  EXPECT_TRUE(samples[1]["exec"].is_number());
}

TEST_F(LmEval, its_files_and_this_programs_pair_and_agree) {
  export_of(study_of(kPlain));
  for (const fs::path& own : {folder / "own", folder / "lm-eval" / "base_seed-0"}) {
    options.files = {own, kPlain.folder};
    const auto found = compare_files(options);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].pair.items, 9u);
    EXPECT_EQ(found[0].pair.clusters, 3u);
    EXPECT_EQ(found[0].pair.n01 + found[0].pair.n10, 0u);
    EXPECT_EQ(found[0].pair.answer_change_rate, 0.0) << own;
  }
}

// Log-probabilities differ from run to run; the answer is the letter.
TEST_F(LmEval, an_answer_is_the_letter_and_not_its_log_probability) {
  fs::create_directories(folder / "moved");
  for (const auto& [name, group] : kSubjects) {
    std::ofstream out(folder / "moved" /
                      fmt::format("samples_mmlu_{}_{}.jsonl", name, kPlain.time));
    for (Json row : samples_of(kPlain, name)) {
      for (Json& response : row["filtered_resps"])
        response[0] = python_text(std::stod(response[0].get<std::string>()) - 0.25);
      out << to_line(row) << "\n";
    }
  }
  options.files = {kPlain.folder, folder / "moved"};
  EXPECT_EQ(compare_files(options)[0].pair.answer_change_rate, 0.0);
  // Numbers, as before 0.4.9, and another letter.
  const auto other = folder / "moved" / fmt::format("samples_mmlu_anatomy_{}.jsonl", kPlain.time);
  auto rows = rows_of(other);
  std::ofstream out(other);
  for (Json& row : rows) {
    for (Json& response : row["filtered_resps"])
      response = Json::array({std::stod(response[0].get<std::string>()), false});
    if (row["doc_id"] == 0)
      row["filtered_resps"][3][0] = row["filtered_resps"][3][0].get<double>() + 100;
    out << to_line(row) << "\n";
  }
  out.close();
  const auto found = compare_files(options);
  const bool was_d = samples_of(kPlain, "anatomy")[0]["filtered_resps"][3][1] == "True";
  EXPECT_NEAR(*found[0].pair.answer_change_rate, was_d ? 0.0 : 1.0 / 9, 1e-12);
}

TEST_F(LmEval, of_two_runs_in_a_folder_the_newest_is_taken) {
  fs::create_directories(folder / "both");
  for (const auto& [name, group] : kSubjects) {
    const std::string old = fmt::format("samples_mmlu_{}_2025-01-01T00-00-00.000001.jsonl", name);
    std::ofstream out(folder / "both" / old);
    for (Json row : samples_of(kPlain, name)) {
      row["acc"] = 1.0;
      out << to_line(row) << "\n";
    }
    out.close();
    const std::string now = fmt::format("samples_mmlu_{}_{}.jsonl", name, kPlain.time);
    fs::copy_file(kPlain.folder / now, folder / "both" / now);
  }
  options.files = {kPlain.folder, folder / "both"};
  const auto found = compare_files(options);
  EXPECT_EQ(found[0].pair.items, 9u);
  EXPECT_EQ(found[0].pair.n01 + found[0].pair.n10, 0u);
  // Two models are no two runs.
  fs::create_directories(folder / "both" / "other");
  fs::copy_file(
      kPlain.folder / fmt::format("samples_mmlu_anatomy_{}.jsonl", kPlain.time),
      folder / "both" / "other" / fmt::format("samples_mmlu_anatomy_{}.jsonl", kPlain.time));
  EXPECT_NE(error_of([&] { compare_files(options); }).find("samples in 2 folders, one a model"),
            std::string::npos);
}

TEST_F(LmEval, several_filters_need_a_choice_in_compare_too) {
  for (const char* name : {"a", "b"}) {
    fs::create_directories(folder / name);
    std::ofstream out(folder / name / "samples_gsm8k_2026.jsonl");
    for (int i = 0; i < 4; ++i)
      for (const char* filter : {"strict-match", "flexible-extract"})
        out << to_line({{"doc_id", i},
                        {"doc", {{"question", "q"}}},
                        {"filtered_resps", {"x"}},
                        {"filter", filter},
                        {"metrics", {"exact_match"}},
                        {"exact_match", filter[0] == 's' ? 0.0 : 1.0}})
            << "\n";
  }
  options.files = {folder / "a", folder / "b"};
  EXPECT_NE(error_of([&] {
              compare_files(options);
            }).find("2 filters, flexible-extract, strict-match; choose one with --filter"),
            std::string::npos);
  options.filter = "strict-match";
  EXPECT_EQ(compare_files(options)[0].pair.items, 4u);
}

TEST(LmEvalNumbers, are_written_as_python_writes_them) {
  for (const auto& [value, text] : {std::pair{-1.5, "-1.5"},
                                    {-2.0, "-2.0"},
                                    {0.0, "0.0"},
                                    {1e-05, "1e-05"},
                                    {1e22, "1e+22"},
                                    {-1.668736219406128, "-1.668736219406128"}})
    EXPECT_EQ(python_text(value), text);
  EXPECT_EQ(python_text(std::nan("")), "nan");
  EXPECT_EQ(python_text(-INFINITY), "-inf");
}

}  // namespace
}  // namespace tradeoff::report
