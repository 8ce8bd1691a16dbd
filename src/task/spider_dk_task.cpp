#include "spider_layout.hpp"
#include "sql_questions.hpp"
#include "task_list.hpp"

namespace tradeoff::task {

// Spider-DK (Gan et al., EMNLP 2021): questions that need knowledge of the domain, numbered by
// `type`, on seven of Spider's databases and three of its own, which all lie in its folder.
Task spider_dk_task() {
  Task task = spider_task();
  task.name = "spider_dk";
  task.words.title = "Spider-DK";
  task.words.table = "Spider-DK";
  task.words.accuracy = "Spider-DK execution accuracy";
  task.words.dataset = task.name;
  task.words.label = "type";
  task.by_default = false;
  task.trains = false;
  task.source = {.data = "jobs/data/spider_dk", .original = "jobs/data/spider"};
  task.landmark = "tables.json";
  task.read = [](const Source& source, const Draw& draw) {
    return sql_questions(read_spider({.questions = source.data / "Spider-DK.json",
                                      .label_key = "type",
                                      .tables = source.data / "tables.json",
                                      .databases = source.data / "database",
                                      .train = source.original / "train_spider.json"}),
                         draw);
  };
  return task;
}

}  // namespace tradeoff::task
