#include "sql_questions.hpp"
#include "task_list.hpp"

namespace tradeoff::task {

Task spider_task() {
  Task task = plain_task("spider", Kind::sql);
  task.words.title = "Spider";
  task.words.table = "Spider";
  task.words.accuracy = "Spider execution accuracy";
  task.by_default = true;
  task.trains = true;
  task.prompt_version = kSpiderPromptVersion;
  task.source.data = "jobs/data/spider";
  task.prompt = {.shots = 3, .prompt_template = Template::chat};
  task.plan = {.discordance = 0.20, .questions = {200, 1034}};
  task.landmark = "tables.json";
  task.read = [](const Source& source, const Draw& draw) {
    return sql_questions(load_spider(source.data, {.train_others = source.train_others}), draw);
  };
  return task;
}

}  // namespace tradeoff::task
