#include "work_done.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "tradeoff/store/journal.hpp"
#include "tradeoff/train/batch_plan.hpp"
#include "tradeoff/train/trainer.hpp"

namespace tradeoff::study {

std::string stopped_text(const WorkDone& done, const std::string& how) {
  std::vector<std::string> parts;
  if (done.all_questions > 0)
    parts.push_back(fmt::format("{} of {} questions", done.questions, done.all_questions));
  if (done.all_steps > 0)
    parts.push_back(fmt::format("{} of {} steps", done.steps, done.all_steps));
  return fmt::format("stopped and saved: {}; {} to go on", fmt::join(parts, ", "), how);
}

WorkDone work_done(const StudyOptions& options, const StudyFolder& folder, const StudyData& data) {
  WorkDone done;
  for (const Cell& cell : list_cells(options)) {
    const ArmOptions& arm = options.arms[cell.arm];
    for (const std::string& task : cell.tasks) {
      const auto all = static_cast<std::int64_t>(data.questions(task).count);
      const auto rows = static_cast<std::int64_t>(
          store::count_finished_rows(folder.journal(arm.name, cell.seed, task)));
      const auto samples = sampling_of(arm, options.known.at(task).task).rule.samples;
      done.all_questions += all;
      done.questions += std::min(all, rows / samples);
    }
    if (!arm.trains) continue;
    // The default batch size is that of one rank; epochs by ranks are told by a checkpoint.
    const auto rows =
        static_cast<std::int64_t>(data.questions(training_task(options).task.name).train_count);
    const auto planned =
        train::total_steps(arm.train, rows, train::global_batch_size(arm.train, 1));
    const auto saved = train::saved_steps(folder.adapter(arm.name, cell.seed));
    done.steps += saved.done;
    done.all_steps += saved.all.value_or(planned);
  }
  return done;
}

}  // namespace tradeoff::study
