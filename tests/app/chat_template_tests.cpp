#include "../front/program.hpp"

namespace {

// One MMLU question asked by chat, with the template and the options that `words` give.
class ChatTemplate : public Program {
 protected:
  Outcome prepare(const std::string& words, const std::string& as = "chat") {
    const std::string source = TRADEOFF_SOURCE_DIR;
    return run("prepare mmlu --quiet --model '" + source +
               "/models/smollm2-135m-instruct' --data '" + source +
               "/jobs/data/mmlu' --questions 1 --shots 0 --template " + as + " --output-dir '" +
               (folder / "items").string() + "' " + words);
  }
  std::string items() { return read(folder / "items/mmlu.jsonl"); }

  void SetUp() override {
    Program::SetUp();
    template_ = file("dated.jinja",
                     "{{ strftime_now('%d %b %Y') }}|"
                     "{% if enable_thinking %}thinks{% else %}does not{% endif %}|"
                     "{% for m in messages %}{{ m.content }}{% endfor %}");
  }

  std::string template_;
};

TEST_F(ChatTemplate, a_file_a_date_and_thinking_reach_the_prompt) {
  const auto plain = prepare("--chat-template '" + template_ + "'");
  ASSERT_EQ(plain.code, 0) << plain.err;
  const std::string usual = items();
  EXPECT_NE(usual.find("|does not|"), std::string::npos) << usual;
  std::filesystem::remove_all(folder / "items");
  const auto told =
      prepare("--chat-template '" + template_ + "' --template-date 2031-12-24 --enable-thinking");
  ASSERT_EQ(told.code, 0) << told.err;
  EXPECT_NE(items().find("24 Dec 2031|thinks|"), std::string::npos) << items();
}

TEST_F(ChatTemplate, the_date_is_the_same_on_every_day) {
  ASSERT_EQ(prepare("--chat-template '" + template_ + "'").code, 0);
  const std::string before = items();
  std::filesystem::remove_all(folder / "items");
  ASSERT_EQ(prepare("--chat-template '" + template_ + "'").code, 0);
  EXPECT_EQ(items(), before);
  EXPECT_EQ(before.find("2026"), std::string::npos) << "the clock's date";
}

TEST_F(ChatTemplate, what_fails_is_refused_by_file_and_line_and_only_where_chat_asks) {
  const auto broken = file("broken.jinja", "{{ messages[0].content }}\n{{ tools.describe() }}");
  const auto bad = prepare("--chat-template '" + broken + "'");
  EXPECT_NE(bad.code, 0);
  for (const std::string part : {"broken.jinja", "2"})
    EXPECT_NE(bad.err.find(part), std::string::npos) << bad.err;
  EXPECT_FALSE(std::filesystem::exists(folder / "items/mmlu.jsonl"));
  EXPECT_EQ(prepare("--chat-template '" + broken + "'", "plain").code, 0);
  EXPECT_NE(prepare("--chat-template '" + template_ + "' --template-date 24.12.2031").code, 0);
  EXPECT_NE(prepare("--chat-template '" + (folder / "none.jinja").string() + "'").code, 0);
}

}  // namespace
