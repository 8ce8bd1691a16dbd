// Judgements on disk: what is there is read back, what is damaged or of other rules is left out.
#include "tradeoff/store/judgement.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "store_fixture.hpp"

namespace tradeoff::store {
namespace {

namespace fs = std::filesystem;

SqlJudgement wrong() {
  SqlJudgement judgement;
  judgement.exec = false;
  judgement.soft_f1 = 1.0 / 3;
  judgement.outcome = "ok";
  judgement.error_class = "wrong_rows";
  judgement.result = "name\nTokyo";
  return judgement;
}

struct JudgementFiles : StoreFiles {
  fs::path place = folder / "judged";
  const Json header = {{"timeout_s", 5.0}};

  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    if (!fs::exists(place)) return found;
    for (const auto& entry : fs::directory_iterator(place)) found.push_back(entry.path());
    return found;
  }
};

TEST_F(JudgementFiles, what_was_judged_is_read_back_to_the_bit) {
  SqlJudgement right;
  right.exec = right.match = true;
  right.outcome = "ok";
  {
    JudgementWriter one(place, header), other(place, header);
    one.append("a", right);
    other.append("b", wrong());
  }
  EXPECT_EQ(read_judgements(place, header), (Judgements{{"a", right}, {"b", wrong()}}));
}

TEST_F(JudgementFiles, there_is_no_file_without_a_judgement) {
  { const JudgementWriter unused(place, header); }
  EXPECT_TRUE(files().empty());
  EXPECT_TRUE(read_judgements(place, header).empty());
}

TEST_F(JudgementFiles, a_torn_and_a_changed_line_are_left_out) {
  {
    JudgementWriter writer(place, header);
    for (const char* key : {"a", "b", "c"}) writer.append(key, wrong());
  }
  ASSERT_EQ(files().size(), 1u);
  std::string text;
  {
    std::ifstream in(files().front());
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  text[text.find("Tokyo")] = 'X';  // of "a"
  text.resize(text.size() - 5);    // of "c"
  std::ofstream(files().front()) << text;
  EXPECT_EQ(read_judgements(place, header), (Judgements{{"b", wrong()}}));
}

TEST_F(JudgementFiles, those_of_other_rules_are_removed) {
  { JudgementWriter(place, {{"timeout_s", 1.0}}).append("a", wrong()); }
  EXPECT_TRUE(read_judgements(place, header).empty());
  EXPECT_TRUE(files().empty());
}

TEST_F(JudgementFiles, an_unknown_key_is_not_passed_over) {
  Json row = to_json(wrong());
  EXPECT_EQ(read_judgement(row), wrong());
  row["exact"] = true;
  EXPECT_THROW((void)read_judgement(row), Error);
}

}  // namespace
}  // namespace tradeoff::store
