#include <set>

#include "../front/program.hpp"
#include "command.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff::app {
namespace {

TEST_F(Program, help_lists_every_command_and_ends_well) {
  const auto help = run("--help");
  EXPECT_EQ(help.code, 0);
  for (const Command& command : commands())
    EXPECT_NE(help.out.find("\n  " + std::string(command.name) + " "), std::string::npos)
        << command.name;
  EXPECT_EQ(run("-h").out, help.out);
}

TEST_F(Program, every_command_has_help_and_refuses_an_unknown_option) {
  ASSERT_FALSE(commands().empty());
  for (const Command& command : commands()) {
    const std::string name(command.name);
    const auto help = run(name + " --help");
    EXPECT_EQ(help.code, 0) << name << help.err;
    EXPECT_TRUE(help.out.starts_with("Usage: tradeoff " + name)) << help.out;
    const auto unknown = run(name + " --no-such-option 1");
    EXPECT_EQ(unknown.code, 2) << name;
    EXPECT_NE(unknown.err.find("--no-such-option: unknown option"), std::string::npos)
        << unknown.err;
    EXPECT_TRUE(unknown.err.starts_with("tradeoff " + name + ": ")) << unknown.err;
    EXPECT_EQ(unknown.out, "");
  }
}

TEST_F(Program, help_of_a_command_has_an_example) {
  for (const Command& command : commands()) {
    const std::string name(command.name);
    const auto help = run("help " + name);
    EXPECT_EQ(help.code, 0) << help.err;
    EXPECT_EQ(help.out, run(name + " --help").out);
    EXPECT_NE(help.out.find("\nExample: tradeoff " + name), std::string::npos) << help.out;
  }
  EXPECT_NE(run("help prepare mmlu").out.find("--fewshot-as-multiturn"), std::string::npos);
  EXPECT_EQ(run("help dcotor").code, 2);
}

TEST_F(Program, help_of_run_tells_what_an_arm_is) {
  const std::string help = run("run --help").out;
  for (const char* part : {"[arm.NAME]", "inherits all of the job", "--adapter DIR",
                           "--init-adapter DIR", "--ranks", "is continued"})
    EXPECT_NE(help.find(part), std::string::npos) << part << " in\n" << help;
}

TEST_F(Program, version_tells_the_commit) {
  const auto version = run("--version");
  EXPECT_EQ(version.code, 0);
  EXPECT_TRUE(version.out.starts_with("tradeoff 0.")) << version.out;
  EXPECT_EQ(run("version").out, version.out);
}

TEST_F(Program, an_unknown_or_missing_command_is_a_usage_error) {
  const auto unknown = run("dcotor");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_EQ(unknown.err,
            "tradeoff: unknown command \"dcotor\" (did you mean \"doctor\"?); `tradeoff --help` "
            "lists them\n");
  EXPECT_EQ(run("").code, 2);
}

TEST_F(Program, faults_of_a_config_file_and_the_command_line_are_shown_together) {
  const auto config = file("bad.ini", "jsn = true\n");
  const auto bad = run("doctor --config " + config + " --json=perhaps");
  EXPECT_EQ(bad.code, 2);
  EXPECT_EQ(bad.err, "tradeoff doctor: 2 problems\n  " + config +
                         ":1: unknown key \"jsn\" (did you mean \"json\"?)\n"
                         "  --json: found \"perhaps\", expected true or false\n");
}

TEST_F(Program, two_ranks_tell_a_fault_of_the_command_line_once) {
  const auto bad = run("dcotor", TRADEOFF_MPIEXEC " -np 2 --oversubscribe");
  EXPECT_EQ(bad.code, 2);
  const auto first = bad.err.find("unknown command");
  EXPECT_NE(first, std::string::npos) << bad.err;
  EXPECT_EQ(bad.err.find("unknown command", first + 1), std::string::npos) << bad.err;
}

TEST_F(Program, doctor_tells_facts_of_this_machine) {
  const auto told = run("doctor --json --model /no/such/folder");
  ASSERT_EQ(told.code, 0) << told.err;
  const Json facts = Json::parse(told.out);
  EXPECT_GE(facts["machine"]["cores"].get<int>(), 1);
  EXPECT_GT(facts["machine"]["memory_bytes"].get<std::uint64_t>(), 1u << 20);
  EXPECT_EQ(facts["libraries"]["torch"], "2.11.0");
  EXPECT_FALSE(facts["libraries"]["sqlite"].get<std::string>().empty());
  EXPECT_FALSE(facts["libraries"]["hdf5"].get<std::string>().empty());
  EXPECT_FALSE(facts["launch"]["mpirun"].get<std::string>().empty());
  EXPECT_EQ(facts["launch"]["ranks"], 1);
  EXPECT_FALSE(facts["model"]["usable"].get<bool>());
  EXPECT_EQ(facts["model"]["why"], "no such folder");
  // Either GPUs or the reason why there is none.
  EXPECT_NE(facts["machine"]["gpus"].empty(),
            facts["machine"]["why_no_gpu"].get<std::string>().empty());
  const auto text = run("doctor");
  EXPECT_EQ(text.code, 0);
  EXPECT_NE(text.out.find("So it can run"), std::string::npos);
}

TEST_F(Program, doctor_looks_at_a_site_with_all_ranks) {
  const std::string words =
      "doctor --site --json --output-dir '" + (folder / "site").string() + "'";
  const auto told = run(words, TRADEOFF_MPIEXEC " -np 2 --oversubscribe");
  ASSERT_EQ(told.code, 0) << told.out << told.err;
  const Json findings = Json::parse(told.out);
  std::set<std::string> names;
  for (const Json& finding : findings) {
    EXPECT_TRUE(finding["ok"].get<bool>()) << finding;
    names.insert(finding["name"].get<std::string>());
  }
  for (const char* name : {"launch", "versions", "MPI", "shared folder", "locks", "clocks"})
    EXPECT_TRUE(names.contains(name)) << name;
  const auto full = run(words + " --free-gib 1e9");
  EXPECT_EQ(full.code, 1);
  EXPECT_NE(full.out.find("\"change\""), std::string::npos) << full.out;
  const auto alone = run(words, "SLURM_NTASKS=4");
  EXPECT_EQ(alone.code, 1);
  EXPECT_NE(alone.out.find("SITE_LAUNCHER"), std::string::npos) << alone.out;
}

TEST_F(Program, doctor_speaks_once_for_several_ranks) {
  const auto told = run("doctor --json", TRADEOFF_MPIEXEC " -np 2 --oversubscribe");
  ASSERT_EQ(told.code, 0) << told.err;
  EXPECT_EQ(Json::parse(told.out)["launch"]["ranks"], 2);
}

}  // namespace
}  // namespace tradeoff::app
