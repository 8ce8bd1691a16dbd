#include "choice_questions.hpp"
#include "task_list.hpp"

namespace tradeoff::task {

Task mmlu_task() {
  Task task = plain_task("mmlu", Kind::choice);
  task.words.title = "MMLU";
  task.words.table = "MMLU";
  task.words.accuracy = "MMLU accuracy";
  task.words.dataset = "cais/mmlu";
  task.by_default = true;
  task.prompt_version = kMmluPromptVersion;
  task.source.data = "jobs/data/mmlu";
  // The study that is repeated here left "other" out.
  task.draw = {.questions = 150, .groups = {"stem", "humanities", "social_sciences"}};
  task.groups.assign(kMmluGroups.begin(), kMmluGroups.end());
  task.prompt = {.shots = 4, .prompt_template = Template::plain};
  task.plan = {.discordance = 0.10, .questions = {150, 14042}};
  task.landmark = "test";
  task.read = [](const Source& source, const Draw& draw) {
    return choice_questions(load_mmlu(source.data), draw);
  };
  return task;
}

}  // namespace tradeoff::task
