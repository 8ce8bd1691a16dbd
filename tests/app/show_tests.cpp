#include "../front/program.hpp"
#include "tradeoff/store/predictions_file.hpp"

namespace {

TEST_F(Program, show_tells_one_question_of_a_study) {
  using tradeoff::store::Flags;
  using tradeoff::store::Ints;
  using tradeoff::store::Strings;
  tradeoff::store::Predictions stored;
  auto& items = stored.items["spider"];
  for (const auto& [name, text] : {std::pair{"id", "17"},
                                   {"db_id", "concert_singer"},
                                   {"question", "How many singers?"},
                                   {"query", "SELECT count(*) FROM singer"},
                                   {"hardness", "easy"},
                                   {"schema", ""}})
    items.add(name, Strings{text});
  auto& rows = stored.runs[{"base", 3, "spider"}].rows;
  rows.add("item", Ints{0});
  for (const auto& [name, text] : {std::pair{"text", "SELECT count(name) FROM singer"},
                                   {"sql", "SELECT count(name) FROM singer"},
                                   {"message", "as many rows as expected (1), but others"},
                                   {"error_class", "other_rows"},
                                   {"overflow", ""}})
    rows.add(name, Strings{text});
  for (const char* name : {"exec", "set"}) rows.add(name, Flags{0});
  write_predictions(folder / "predictions.h5", stored);
  const auto shown = run("show '" + folder.string() + "' --id 17 --diff");
  EXPECT_EQ(shown.code, 0) << shown.err;
  for (const std::string part :
       {"spider 17: database concert_singer, easy", "question: How many singers?",
        "SELECT count([-*-]{+name+}) FROM singer", "other_rows: it ran, and returned other rows"})
    EXPECT_NE(shown.out.find(part), std::string::npos) << part << " in\n" << shown.out;
  EXPECT_EQ(run("show '" + folder.string() + "' --id 18").code, 1);
  const auto mixed = run("show '" + folder.string() + "' --id 17 --items x.jsonl");
  EXPECT_EQ(mixed.code, 2);
  EXPECT_NE(mixed.err.find("--items: is for an item"), std::string::npos) << mixed.err;
  EXPECT_NE(run("show --id 17").err.find("no study, and no --items"), std::string::npos);
  const auto of_task = [&](const std::string& name) {
    return run("show --id 17 --items x.jsonl --task " + name).err;
  };
  EXPECT_NE(of_task("nosuch").find("--task: found \"nosuch\", expected one of spider|mmlu|"),
            std::string::npos);
  EXPECT_EQ(of_task("spider-syn").find("--task"), std::string::npos);
}

}  // namespace
