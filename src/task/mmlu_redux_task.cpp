#include "choice_questions.hpp"
#include "mmlu_redux.hpp"
#include "task_list.hpp"

namespace tradeoff::task {

// `correct` is by the published key, as in MMLU; `clean` and `corrected` stand beside it.
Task mmlu_redux_task() {
  Task task = mmlu_task();
  task.name = "mmlu_redux";
  task.words.title = "MMLU-Redux";
  task.words.table = "MMLU-Redux";
  task.words.accuracy = "MMLU-Redux accuracy";
  task.words.dataset = "edinburgh-dawg/mmlu-redux-2.0";
  task.words.label = "error_type";
  task.by_default = false;
  task.source = {.data = "jobs/data/mmlu_redux", .original = "jobs/data/mmlu"};
  task.draw.groups = task.groups;
  task.draw.questions = 0;
  task.landmark = "mmlu_virology.csv";
  task.read = [](const Source& source, const Draw& draw) {
    return choice_questions(load_mmlu_redux(source.data, source.original), draw);
  };
  return task;
}

}  // namespace tradeoff::task
