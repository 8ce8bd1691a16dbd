#include "../front/program.hpp"

namespace {

namespace fs = std::filesystem;

// Raised with every job file that is added, so that none is passed over.
constexpr int kJobFiles = 8;

TEST_F(Program, every_job_file_is_read) {
  int seen = 0;
  for (const auto& entry : fs::recursive_directory_iterator(TRADEOFF_SOURCE_DIR "/jobs")) {
    if (entry.path().extension() != ".ini") continue;
    ++seen;
    const auto cells = run("run '" + entry.path().string() + "' --list-cells --output-dir '" +
                           (folder / "results").string() + "'");
    EXPECT_EQ(cells.code, 0) << entry.path() << "\n" << cells.err;
    EXPECT_FALSE(cells.out.empty()) << entry.path();
    const std::string text = read(entry.path());
    EXPECT_TRUE(text.starts_with("# ")) << entry.path() << " says first what it runs";
    EXPECT_NE(text.find("\n# Run:"), std::string::npos) << entry.path() << " tells its command";
  }
  EXPECT_EQ(seen, kJobFiles);
}

TEST_F(Program, a_group_that_there_is_not_is_told_with_its_line) {
  const auto job = file("job.ini",
                        "[study]\nseeds = 1\ntasks = mmlu\n[model]\nmodel = m\n[mmlu]\ndata = d\n"
                        "groups = stem, NaN\n[arm.base]\n");
  const auto listed = run("run " + job + " --list-cells --output-dir " + folder.string());
  EXPECT_EQ(listed.code, 2);
  EXPECT_NE(
      listed.err.find("job.ini:8: groups: found \"stem, NaN\", expected each of the list: one "
                      "of stem|humanities|social_sciences|other"),
      std::string::npos)
      << listed.err;
}

TEST_F(Program, a_path_that_no_file_can_have_is_told_without_the_librarys_words) {
  for (const std::string path : {std::string(300, 'a'), "d/" + std::string(300, '\xFF')}) {
    for (const std::string words : {"report '", "compare '", "plan --pilot '"}) {
      const auto refused = run(words + path + "'");
      EXPECT_NE(refused.code, 0);
      EXPECT_NE(refused.err.find(path), std::string::npos) << refused.err;
      EXPECT_EQ(refused.err.find("filesystem error"), std::string::npos) << refused.err;
    }
  }
}

TEST_F(Program, the_example_of_own_data_runs_and_is_told_by_its_groups) {
  const std::string source = TRADEOFF_SOURCE_DIR;
  const auto ran = run("run '" + source +
                       "/jobs/own/library.ini' --verbose --max-new-tokens 24 "
                       "--model '" +
                       source + "/models/smollm2-135m-instruct' --output-dir '" +
                       (folder / "library").string() + "'");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("## library by topic"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("/ 10 "), std::string::npos) << ran.out;
  const auto shown = run("show '" + (folder / "library").string() + "' --id q4");
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_NE(shown.out.find("Which book has the most pages?"), std::string::npos) << shown.out;
  const auto scored = run("score --pred '" + (folder / "library/predictions.h5").string() +
                          "' --db '" + source + "/jobs/own/databases'");
  EXPECT_NE(scored.code, 0);
  EXPECT_NE(scored.err.find("several right queries a question"), std::string::npos) << scored.err;
}

TEST_F(Program, a_task_of_ones_own_is_prepared_predicted_and_shown_by_its_name) {
  const std::string source = TRADEOFF_SOURCE_DIR, out = folder.string();
  file("facts.jsonl", R"({"question": "Two and two?", "choices": ["3", "4"], "answer": "B"})"
                      "\n");
  const auto tasks = file("mine.ini", "[task.mine]\nkind = sql\nitems = " + source +
                                          "/jobs/own/library.jsonl\ndatabases = " + source +
                                          "/jobs/own/databases\n"
                                          "[task.facts]\nkind = choice\nitems = facts.jsonl\n");
  const std::string model = " --quiet --model '" + source + "/models/smollm2-135m-instruct' ";
  const std::string own = " --task-file " + tasks;
  for (const auto& [name, items] : {std::pair{"mine", "mine.jsonl"}, {"facts", "facts.jsonl"}}) {
    const std::string task(name), prepared = out + "/" + task + "/" + items;
    const auto wrote = run("prepare " + task + own + model + "--output-dir " + out + "/" + task);
    ASSERT_EQ(wrote.code, 0) << wrote.err;
    const auto answered =
        run("predict --task " + task + own + model + "--limit 2 " + "--max-new-tokens 8 --items " +
            prepared + " --out " + out + "/" + task + ".predicted");
    EXPECT_EQ(answered.code, 0) << answered.err;
    const std::string rows = read(folder / (task + ".predicted"));
    const bool chooses = task == "facts";
    EXPECT_EQ(rows.find("\"choice_logprobs\"") != rows.npos, chooses) << rows;
    const auto shown = run("show --task " + task + own + " --items " + prepared + " --pred " + out +
                           "/" + task + ".predicted --id " + (chooses ? "0" : "q1"));
    EXPECT_EQ(shown.code, 0) << shown.err;
    EXPECT_NE(shown.out.find(chooses ? "right B" : "== gold SQL"), std::string::npos) << shown.out;
  }
  const auto unknown = run("predict --task min" + own + model + "--items x --out y");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_NE(unknown.err.find("mine|facts"), std::string::npos) << unknown.err;
  const auto bad = run("prepare mine --task-file " + file("bad.ini", "[task.mine]\nkind = sqll\n"));
  EXPECT_EQ(bad.code, 2);
  EXPECT_NE(bad.err.find("kind: found \"sqll\""), std::string::npos) << bad.err;
}

TEST_F(Program, letters_may_be_read_from_what_the_model_writes) {
  const std::string source = TRADEOFF_SOURCE_DIR, out = folder.string();
  const auto job = file(
      "job.ini", "[study]\nname = letters\nseeds = 0\ntasks = mmlu\n[model]\nmodel = " + source +
                     "/models/smollm2-135m-instruct\n[mmlu]\ndata = " + source +
                     "/jobs/data/mmlu\nquestions = 6\nshots = 1\nanswer = letter\n"
                     "[arm.base]\nmax_new_tokens = 4\n");
  const auto ran = run("run " + job + " --verbose --output-dir " + out + "/letters");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("answers without a letter"), std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find("Calibration"), std::string::npos) << ran.out;
  EXPECT_NE(read(folder / "letters/study.json").find("\"answer\": \"letter\""), std::string::npos);
  const auto again = run("run " + job + " --quiet --output-dir " + out + "/letters");
  EXPECT_EQ(again.code, 0) << again.err;
  const auto other =
      run("run " + job + " --quiet --mmlu.answer choice --output-dir " + out + "/letters");
  EXPECT_NE(other.code, 0);
  EXPECT_NE(other.err.find("mmlu.answer"), std::string::npos) << other.err;
  const auto sql = run("predict --answer letter --items x --out y --model m");
  EXPECT_NE(sql.code, 0);
}

TEST_F(Program, a_task_of_ones_own_with_faults_is_refused_with_all_of_them) {
  const auto job = file("job.ini",
                        "[study]\nseeds = 0\ntasks = mine\n[model]\nmodel = m\n"
                        "[task.mine]\nkind = sqll\nitem = q.jsonl\n[task.mmlu]\nkind = choice\n"
                        "items = q.jsonl\n[task.other]\nkind = choice\nitems = q.jsonl\n"
                        "databases = d\n[arm.base]\n");
  const auto bad = run("run " + job + " --output-dir x");
  EXPECT_EQ(bad.code, 2);
  for (const std::string& part :
       {"\n  " + job + ":7: kind: found \"sqll\"", "\n  " + job + ":8: unknown key \"item\"",
        job + ":6: --task.mine.items: missing", std::string("the name \"mmlu\" is taken"),
        std::string("[task.other] databases: is for kind = sql")})
    EXPECT_NE(bad.err.find(part), std::string::npos) << part << " in\n" << bad.err;
}

TEST_F(Program, a_job_file_with_faults_is_refused_with_all_of_them) {
  const auto job = file("job.ini",
                        "[study]\nnmae = x\nseeds = 1,b\n[spidr]\nshots = 3\n"
                        "[arm.base]\nseeds = 2\nmax_new_tokns = 5\n");
  const auto bad = run("run " + job + " --limt 3");
  EXPECT_EQ(bad.code, 2);
  for (const std::string part :
       {"--limt: unknown option", ":2: unknown key \"nmae\" in [study] (did you mean \"name\"?)",
        ":3: seeds: found \"1,b\"", ":4: unknown section [spidr] (did you mean \"spider\"?)",
        ":7: unknown key \"seeds\" in [arm.base]",
        ":8: unknown key \"max_new_tokns\" in [arm.base] (did you mean \"max_new_tokens\"?)"})
    EXPECT_NE(bad.err.find(part), std::string::npos) << part << " in\n" << bad.err;
}

TEST_F(Program, paths_of_a_job_are_from_its_folder_and_told_with_their_key) {
  fs::create_directories(folder / "jobs");
  fs::create_directories(folder / "here");
  const auto job = file("jobs/job.ini",
                        "[study]\nseeds = 0\n[model]\nmodel = ../gone\n[spider]\n"
                        "data = ../here\n[mmlu]\ndata = here\n[arm.base]\n");
  const auto bad = run("run " + job + " --output-dir x");
  EXPECT_EQ(bad.code, 2);
  const std::string root = folder.string();
  for (const std::string& part : {job + ":4: model: found \"" + root + "/gone\"",
                                  job + ":8: data: found \"" + root + "/jobs/here\""})
    EXPECT_NE(bad.err.find(part), std::string::npos) << part << " in\n" << bad.err;
  EXPECT_EQ(bad.err.find(":6:"), std::string::npos) << bad.err;
  // On the command line: from where the program is started.
  const auto word = run("run " + job + " --output-dir x --model gone");
  EXPECT_NE(word.err.find("--model: found \"gone\""), std::string::npos) << word.err;
  // What needs no data needs no folders.
  EXPECT_EQ(run("run " + job + " --output-dir x --list-cells").code, 0);
}

}  // namespace
