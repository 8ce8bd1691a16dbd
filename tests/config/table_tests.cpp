#include "tradeoff/config/table.hpp"

#include <gtest/gtest.h>

namespace tradeoff::config {
namespace {

enum class Overflow { error, drop_shots, skip };

struct Options {
  int count = 3;
  std::uint64_t seed = 0;
  double rate = 2e-4;
  bool quiet = false;
  std::string name = "base";
  std::filesystem::path out;
  Overflow overflow = Overflow::error;
  std::vector<std::string> stop;
  std::vector<std::string> modules;
  std::vector<std::uint64_t> seeds{0};
  std::optional<int> steps;
  std::int64_t chunk = 0;
};

struct Bound {
  Options options;
  OptionTable table;
  Problems problems;
  Bound() {
    table.add("count", &options.count, "How many", {"number"}).at_least(1);
    table.add("seed", &options.seed, "Seed");
    table.add("learning_rate", &options.rate, "Rate").above(0);
    table.add("quiet", &options.quiet, "No progress");
    table.add("name", &options.name, "Name");
    table.add("out", &options.out, "Output").local();
    table.add_choice("overflow", &options.overflow,
                     Names<Overflow>{{"error", Overflow::error},
                                     {"drop-shots", Overflow::drop_shots},
                                     {"skip", Overflow::skip}},
                     "What becomes of a prompt that is too long");
    table.add("stop", &options.stop, "Stop strings").escaped();
    table.add("target_modules", &options.modules, "Modules").commas();
    table.add("seeds", &options.seeds, "Seeds");
    table.add("max_steps", &options.steps, "Steps");
    table.add_number_or("chunk", &options.chunk, "auto", std::int64_t{0}, "Chunk").at_least(1);
  }
  void set(const std::string& key, const std::string& text, const std::string& layer = "a.ini") {
    table.set({"", key, text, layer, layer.empty() ? "--" + key : layer + ":1"}, problems);
  }
  std::string said() const { return problems.empty() ? "" : problems.lines().back(); }
};

TEST(OptionTable, every_type_is_read_into_its_field) {
  Bound b;
  b.set("count", "12");
  b.set("seed", "18446744073709551615");
  b.set("learning_rate", "1e-3");
  b.set("quiet", "true");
  b.set("name", "two words");
  b.set("out", "a/b");
  b.set("overflow", "skip");
  b.set("stop", "\\n\\n");
  b.set("target_modules", "q_proj, v_proj");
  b.set("seeds", "1,2,3");
  b.set("max_steps", "50");
  EXPECT_TRUE(b.problems.empty()) << b.said();
  EXPECT_EQ(b.options.count, 12);
  EXPECT_EQ(b.options.seed, 18446744073709551615u);
  EXPECT_DOUBLE_EQ(b.options.rate, 1e-3);
  EXPECT_TRUE(b.options.quiet);
  EXPECT_EQ(b.options.name, "two words");
  EXPECT_EQ(b.options.out, "a/b");
  EXPECT_EQ(b.options.overflow, Overflow::skip);
  EXPECT_EQ(b.options.stop, std::vector<std::string>{"\n\n"});
  EXPECT_EQ(b.options.modules, (std::vector<std::string>{"q_proj", "v_proj"}));
  EXPECT_EQ(b.options.seeds, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(b.options.steps, 50);
}

TEST(OptionTable, a_number_or_a_word) {
  Bound b;
  EXPECT_EQ(b.table.values().at("chunk"), "auto");
  b.set("chunk", "12");
  EXPECT_EQ(b.options.chunk, 12);
  EXPECT_EQ(b.table.values().at("chunk"), 12);
  b.set("chunk", "auto", "b.ini");
  EXPECT_EQ(b.options.chunk, 0);
  EXPECT_TRUE(b.problems.empty()) << b.said();
  for (const std::string wrong : {"0", "-1", "automatic", "1.5", ""}) {
    b.set("chunk", wrong, "file-" + wrong);
    EXPECT_NE(b.said().find("expected an integer or auto"), std::string::npos) << wrong << b.said();
  }
}

TEST(OptionTable, dashes_underscores_and_aliases_name_the_same_option) {
  Bound b;
  b.set("learning-rate", "0.5");
  b.set("number", "9");
  b.set("overflow", "drop_shots");
  EXPECT_TRUE(b.problems.empty()) << b.said();
  EXPECT_DOUBLE_EQ(b.options.rate, 0.5);
  EXPECT_EQ(b.options.count, 9);
  EXPECT_EQ(b.options.overflow, Overflow::drop_shots);
}

TEST(OptionTable, a_wrong_value_is_named_with_what_was_found_and_expected) {
  Bound b;
  b.set("count", "0");
  EXPECT_EQ(b.said(), "a.ini:1: count: found \"0\", expected an integer, at least 1");
  b.set("seed", "-1", "b.ini");
  EXPECT_EQ(b.said(), "b.ini:1: seed: found \"-1\", expected an integer, not negative");
  b.set("quiet", "yes", "");
  EXPECT_EQ(b.said(), "--quiet: found \"yes\", expected true or false");
  b.set("overflow", "cut");
  EXPECT_EQ(b.said(), "a.ini:1: overflow: found \"cut\", expected one of error|drop-shots|skip");
  b.set("seeds", "1,,2");
  EXPECT_EQ(b.said(),
            "a.ini:1: seeds: found \"1,,2\", expected each of the list: an integer, not negative");
  for (const std::string text : {"nan", "inf", "1e999", "0x10", "2e-4 ", "", "1 2"}) {
    Bound fresh;
    fresh.set("learning_rate", text);
    EXPECT_EQ(fresh.problems.lines().size(), 1u) << text;
  }
  for (const std::string text : {"2147483648", "1.5", "1e3", "", "+1", " 1"}) {
    Bound fresh;
    fresh.set("count", text);
    EXPECT_EQ(fresh.problems.lines().size(), 1u) << text;
  }
  Bound escapes;
  escapes.set("stop", "a\\q");
  EXPECT_EQ(escapes.problems.lines().size(), 1u);
}

TEST(OptionTable, an_unknown_key_comes_with_the_nearest_name) {
  Bound b;
  b.set("learning_rte", "1");
  EXPECT_EQ(b.said(), "a.ini:1: unknown key \"learning_rte\" (did you mean \"learning_rate\"?)");
  b.set("max-stesp", "1", "");
  EXPECT_EQ(b.said(), "--max-stesp: unknown option (did you mean --max-steps?)");
  b.set("zzzzzz", "1");
  EXPECT_EQ(b.said(), "a.ini:1: unknown key \"zzzzzz\"");
}

TEST(OptionTable, a_later_layer_wins_and_a_key_may_not_stand_twice_in_one_file) {
  Bound b;
  b.set("count", "5", "a.ini");
  b.set("count", "6", "b.ini");
  b.set("count", "7", "");
  b.set("count", "8", "");
  EXPECT_TRUE(b.problems.empty()) << b.said();
  EXPECT_EQ(b.options.count, 8);
  Bound twice;
  twice.set("learning_rate", "1");
  twice.set("learning-rate", "2");
  EXPECT_EQ(twice.said(), "a.ini:1: learning-rate: stands twice, first at a.ini:1");
}

TEST(OptionTable, a_list_grows_within_a_layer_and_is_replaced_by_the_next) {
  Bound b;
  b.set("seeds", "1,2", "a.ini");
  b.set("seeds", "3", "a.ini");
  EXPECT_EQ(b.options.seeds, (std::vector<std::uint64_t>{1, 2, 3}));
  b.set("seeds", "7", "");
  EXPECT_EQ(b.options.seeds, (std::vector<std::uint64_t>{7}));
  b.set("stop", ";", "");
  b.set("stop", "a, b", "");
  EXPECT_EQ(b.options.stop, (std::vector<std::string>{";", "a, b"}));
  b.set("stop", "", "later.ini");
  EXPECT_TRUE(b.options.stop.empty());
  EXPECT_TRUE(b.problems.empty()) << b.said();
}

TEST(OptionTable, none_takes_an_optional_value_away) {
  Bound b;
  b.set("max_steps", "50", "a.ini");
  b.set("max_steps", "none", "b.ini");
  EXPECT_TRUE(b.problems.empty()) << b.said();
  EXPECT_EQ(b.options.steps, std::nullopt);
  EXPECT_EQ(b.table.values()["max_steps"], Json(nullptr));
}

TEST(OptionTable, the_record_is_in_table_order_without_local_options) {
  Bound b;
  b.set("seeds", "4", "");
  EXPECT_EQ(
      to_line(b.table.record()),
      R"({"count":3,"seed":0,"learning_rate":0.0002,"quiet":false,"name":"base",)"
      R"("overflow":"error","stop":[],"target_modules":[],"seeds":[4],"max_steps":null,"chunk":"auto"})");
  EXPECT_TRUE(b.table.values().contains("out"));
  EXPECT_TRUE(b.table.given("seeds"));
  EXPECT_FALSE(b.table.given("count"));
  EXPECT_EQ(b.table.where("seeds"), "--seeds");
  EXPECT_EQ(b.table.where("count"), "count (default)");
}

TEST(OptionTable, sections_hold_keys_of_the_same_name_apart) {
  int spider = 3, mmlu = 4, limit = 0, lora_r = 8;
  OptionTable table;
  table.add("limit", &limit, "Limit");
  table.section("spider").add("shots", &spider, "Shots");
  table.section("mmlu").add("shots", &mmlu, "Shots");
  table.section("train").add("lora_r", &lora_r, "Rank");
  Problems problems;
  table.set({"spider", "shots", "0", "j.ini", "j.ini:2"}, problems);
  table.set({"arm.x", "mmlu.shots", "5", "j.ini", "j.ini:3"}, problems);
  table.set({"mmlu", "limit", "7", "j.ini", "j.ini:4"}, problems);
  table.set({"arm.x", "lora_r", "16", "j.ini", "j.ini:5"}, problems);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(spider, 0);
  EXPECT_EQ(mmlu, 5);
  EXPECT_EQ(limit, 7);
  EXPECT_EQ(lora_r, 16);
  table.set({"", "shots", "1", "", "--shots"}, problems);
  table.set({"mmlu", "lora_r", "1", "j.ini", "j.ini:6"}, problems);
  table.set({"spider", "other.limit", "1", "j.ini", "j.ini:7"}, problems);
  ASSERT_EQ(problems.lines().size(), 3u);
  EXPECT_EQ(problems.lines()[0],
            "--shots: unknown option (stands for several: write spider.shots or mmlu.shots)");
  EXPECT_EQ(problems.lines()[1], "j.ini:6: unknown key \"lora_r\" in [mmlu] (belongs to [train])");
  EXPECT_TRUE(problems.lines()[2].starts_with("j.ini:7: unknown key \"other.limit\""));
  EXPECT_EQ(to_line(table.values()),
            R"({"limit":7,"spider":{"shots":0},"mmlu":{"shots":5},"train":{"lora_r":16}})");
}

TEST(OptionTable, one_name_cannot_be_added_twice) {
  int a = 0, b = 0;
  OptionTable table;
  table.add("lora_r", &a, "Rank", {"r"});
  EXPECT_THROW(table.add("r", &b, "Again"), Error);
  EXPECT_NO_THROW(table.section("other").add("r", &b, "Elsewhere"));
}

TEST(Problems, all_are_shown_at_once_and_each_once) {
  Problems problems;
  problems.throw_if_any();
  problems.add("a.ini:1", "first");
  problems.add("a.ini:1", "first");
  problems.add("--b", "second");
  try {
    problems.throw_if_any();
    FAIL() << "nothing thrown";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "2 problems\n  a.ini:1: first\n  --b: second");
  }
}

TEST(Problems, the_nearest_name_is_near) {
  const std::vector<std::string> names{"seed", "seeds", "lora_r", "lora_alpha"};
  EXPECT_EQ(nearest("sede", names), "seed");
  EXPECT_EQ(nearest("lora_alpah", names), "lora_alpha");
  EXPECT_EQ(nearest("output", names), "");
  EXPECT_EQ(nearest("", names), "");
}

// Two sections with a key in common, as tasks of a job have them.
struct Shared {
  double first = 0, second = 0;
  OptionTable table;
  Problems problems;
  Shared() {
    for (auto [section, field] : {std::pair("first", &first), std::pair("second", &second)}) {
      table.section(section);
      table.add("heat", field, "Heat").at_least(0).recorded_where_set().shared();
    }
    table.section("third").refuse("heat", "is not heated");
  }
};

TEST(SharedOption, a_key_without_its_section_sets_all_and_one_with_it_its_own) {
  Shared shared;
  shared.table.set({"", "heat", "2", "", "--heat"}, shared.problems);
  EXPECT_EQ(shared.first, 2);
  EXPECT_EQ(shared.second, 2);
  shared.table.set({"arm.x", "second.heat", "3", "a.ini", "a.ini:1"}, shared.problems);
  EXPECT_EQ(shared.first, 2);
  EXPECT_EQ(shared.second, 3);
  EXPECT_TRUE(shared.problems.empty());
}

TEST(SharedOption, a_wrong_value_is_told_once) {
  Shared shared;
  shared.table.set({"", "heat", "-2", "", "--heat"}, shared.problems);
  EXPECT_EQ(shared.problems.lines(),
            std::vector<std::string>{"--heat: found \"-2\", expected a number, at least 0"});
}

TEST(SharedOption, a_section_may_refuse_it_with_a_reason) {
  Shared shared;
  shared.table.set({"third", "heat", "1", "a.ini", "a.ini:4"}, shared.problems);
  shared.table.set({"arm.x", "third.heat", "1", "a.ini", "a.ini:5"}, shared.problems);
  EXPECT_EQ(shared.problems.lines(),
            (std::vector<std::string>{"a.ini:4: heat: is not heated",
                                      "a.ini:5: third.heat: is not heated"}));
  EXPECT_EQ(shared.first, 0);
}

TEST(RecordedWhereSet, stands_in_the_record_only_where_it_differs_from_its_default) {
  Shared shared;
  EXPECT_EQ(shared.table.record(), Json::object());
  EXPECT_EQ(shared.table.values()["first"]["heat"], 0);
  shared.table.set({"", "second.heat", "0.5", "", "--heat"}, shared.problems);
  EXPECT_EQ(shared.table.record(), Json::parse(R"({"second": {"heat": 0.5}})"));
}

TEST(OptionTable, a_relative_path_in_a_file_is_from_its_folder) {
  const auto out = [](const std::string& text, const std::string& folder) {
    Bound b;
    b.table.set({"", "out", text, "f", "f:1", folder}, b.problems);
    b.table.set({"", "name", text, "f", "f:2", folder}, b.problems);
    EXPECT_TRUE(b.problems.empty());
    EXPECT_EQ(b.options.name, text) << "a text is no path";
    return b.options.out.string();
  };
  EXPECT_EQ(out("a/b", "jobs"), "jobs/a/b");
  EXPECT_EQ(out("../models/m", "jobs"), "models/m");
  EXPECT_EQ(out("../m", "/x/jobs"), "/x/m");
  EXPECT_EQ(out("/abs/m", "jobs"), "/abs/m");
  EXPECT_EQ(out("a/../b", ""), "a/../b");
  EXPECT_EQ(out("", "jobs"), "");
}

TEST(PointsTest, points_and_fractions_are_told_apart_and_a_bare_3_asks) {
  std::optional<double> difference;
  OptionTable table;
  table.add_points("difference", &difference, "To be found").above(0).at_most(1);
  const auto said = [&](const std::string& text) {
    Problems problems;
    table.set({"", "difference", text, "", "--difference"}, problems);
    return problems.empty() ? std::string() : problems.lines().back();
  };
  for (const char* text : {"3 points", "3points", "3 pp", "0.03"}) {
    difference.reset();
    EXPECT_EQ(said(text), "");
    EXPECT_DOUBLE_EQ(difference.value_or(0), 0.03) << text;
  }
  EXPECT_EQ(said("0.5 points"), "");
  EXPECT_DOUBLE_EQ(*difference, 0.005);
  const std::string asked = said("3");
  EXPECT_NE(asked.find("is \"3 points\", the fraction 0.03, meant?"), std::string::npos) << asked;
  EXPECT_DOUBLE_EQ(*difference, 0.005);
  for (const char* text : {"3 %", "points", "x points", "-1 point", "0", "200 points", "1e9"}) {
    const std::string refused = said(text);
    EXPECT_NE(refused.find("as \"3 points\", or a fraction, as 0.03"), std::string::npos) << text;
    EXPECT_EQ(refused.find("meant?"), std::string::npos) << refused;
  }
}

}  // namespace
}  // namespace tradeoff::config
