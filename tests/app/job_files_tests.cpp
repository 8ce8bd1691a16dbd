#include "program.hpp"

namespace {

namespace fs = std::filesystem;

// Raised with every job file that is added, so that none is passed over.
constexpr int kJobFiles = 6;

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

}  // namespace
