#include "spider_layout.hpp"
#include "sql_questions.hpp"
#include "task_list.hpp"

namespace tradeoff::task {

// Spider-Syn (Gan et al., ACL 2021): dev's questions with words of the schema replaced by synonyms,
// on the same databases and in the same order. Its gold queries are those of its own file.
Task spider_syn_task() {
  Task task = spider_task();
  const std::string original = task.name;
  task.name = "spider_syn";
  task.words.title = "Spider-Syn";
  task.words.table = "Spider-Syn";
  task.words.accuracy = "Spider-Syn execution accuracy";
  task.words.dataset = task.name;
  task.by_default = false;
  task.trains = false;
  task.pair_of = original;
  task.source = {.data = "jobs/data/spider_syn", .original = "jobs/data/spider"};
  task.landmark = "dev.json";
  task.read = [](const Source& source, const Draw& draw) {
    const auto& spider = source.original;
    return sql_questions(read_spider({.questions = source.data / "dev.json",
                                      .question_key = "SpiderSynQuestion",
                                      .tables = spider / "tables.json",
                                      .databases = spider / "database",
                                      .train = spider / "train_spider.json"}),
                         draw);
  };
  return task;
}

}  // namespace tradeoff::task
