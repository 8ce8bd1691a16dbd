#include "program.hpp"

namespace {

TEST_F(Program, status_tells_by_its_exit_code) {
  EXPECT_EQ(run("status").code, 2);
  const auto none = run("status '" + folder.string() + "'");
  EXPECT_EQ(none.code, 1);
  EXPECT_NE(none.err.find("no study has begun here"), std::string::npos) << none.err;
  file("study.json", R"({"config":{},"plan":{"cells":[]}})");
  EXPECT_EQ(run("status '" + folder.string() + "'").code, 3);
}

TEST_F(Program, status_watches_for_a_study_that_has_not_begun) {
  std::filesystem::create_directories(folder / "begins");
  file("begins/study.json", R"({"config":{},"plan":{"cells":[]}})");
  const std::string begins = "'" + (folder / "begins").string() + "'";
  const std::string later = "'" + (folder / "later").string() + "'";
  // A study's first file appears whole, so the folder is moved, not copied. It is never complete,
  // so the watch ends by the time limit alone.
  const auto watched = run("status " + later + " --watch --interval 0.2",
                           "{ sleep 1; mv " + begins + " " + later + "; } & timeout 8");
  EXPECT_EQ(watched.code, 124);
  EXPECT_NE(watched.err.find("no study has begun here yet; waiting for it"), std::string::npos)
      << watched.err;
  EXPECT_NE(watched.out.find("not complete; 0 cells"), std::string::npos) << watched.out;
}

}  // namespace
