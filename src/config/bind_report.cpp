#include "tradeoff/config/bind_report.hpp"

#include "tradeoff/task/task.hpp"

namespace tradeoff::config {

void bind(OptionTable& table, report::ReportOptions& options) {
  table
      .add("files", &options.files,
           "predictions.h5 of one study, or folders that hold one; several are put together",
           {"predictions"})
      .required()
      .local()
      .placeholder("F.h5");
  table.positional("files");
  table
      .add(
          "output_dir", &options.output_dir,
          "Where report.html, report.md, report.json and export/ go; the file's folder where there "
          "is one file",
          {"out"})
      .local()
      .placeholder("DIR");
  table.add("arms", &options.selection.arms, "Only these arms, in this order; else all")
      .commas()
      .local()
      .placeholder("ARM,ARM");
  table.add("rename", &options.selection.rename, "What an arm is called in the report; repeatable")
      .local()
      .placeholder("OLD=NEW");
  table
      .add(
          "primary", &options.selection.primary,
          "The metric that accuracy means where queries are written: exec, set or strict; else the "
          "study's own")
      .local()
      .placeholder("METRIC");
  table.add("exports", &options.exports, "Write export/ too: official, lm-eval's and CSV files")
      .local();
}

void bind(OptionTable& table, report::CompareOptions& options) {
  table
      .add(
          "files", &options.files,
          "One predictions.h5, or two result files: predictions.h5, rows of `score --out`, lm-eval "
          "samples or a folder of them")
      .required()
      .local()
      .placeholder("FILE");
  table.positional("files");
  table.add("a", &options.a, "Arm of the first file (or, with one file, the first arm)")
      .placeholder("ARM");
  table.add("b", &options.b, "Arm of the second file, compared with --a").placeholder("ARM");
  table.add("task", &options.task, "A task by its name; else every task that both have")
      .placeholder("TASK");
  table
      .add("metric", &options.metric,
           "exec, set, strict, match, ...; else the study's primary metric")
      .placeholder("NAME");
  table
      .add("filter", &options.filter,
           "Of lm-eval samples of several filters, the one whose responses count")
      .placeholder("NAME");
  using Key = report::CompareOptions::Key;
  table.add_choice("pair_by", &options.key,
                   Names<Key>{{"id", Key::id}, {"question", Key::question}},
                   "What makes two rows the same item");
  table.add("common", &options.common, "Leave out, and count, items that one side alone has");
  table.add("margin", &options.margin,
            "A loss that would not matter, such as \"1 point\": is it ruled out?");
  table.add("out", &options.out, "JSON to write").local().placeholder("F.json");
}

void bind(OptionTable& table, report::PlanCommandOptions& options) {
  stats::PlanOptions& plan = options.plan;
  plan.task = task::built_in_tasks().front().name;
  table.add("task", &plan.task, "What is asked; with --pilot one of its tasks, else all of them")
      .placeholder("TASK");
  table.add("questions", &plan.questions, "Questions of the design").at_least(2);
  table.add("seeds", &plan.seeds, "Replicate seeds of the design").at_least(1);
  table
      .add("discordance", &plan.discordance,
           "Share of questions where exactly one of two equally good arms is right")
      .above(0)
      .at_most(1);
  table
      .add_points("difference", &plan.difference,
                  "A difference that is to be found: \"3 points\", or the fraction 0.03")
      .above(0)
      .at_most(1);
  table.add("margin", &plan.margin,
            "A loss that would not matter, such as \"1 point\": the power to rule it out");
  table
      .add("alpha", &plan.alpha,
           "How often a difference may be told where there is none (the test's two-sided size)")
      .above(0)
      .at_most(0.5);
  table
      .add("power", &plan.power,
           "How often the difference is to be found where it is there (power)")
      .above(0)
      .at_most(0.999);
  table
      .add("comparisons", &plan.comparisons,
           "How many differences are tested together, as arms times tasks (Holm)")
      .at_least(1);
  table
      .add("seed_correlation", &plan.seed_correlation,
           "How alike a question's difference is from seed to seed (correlation); 1: seeds add "
           "nothing")
      .at_least(0)
      .at_most(1);
  table
      .add_points(
          "seed_sd", &plan.seed_sd,
          "How much training again moves the difference (standard deviation): \"1.5 points\", "
          "or 0.015; left out of the plan where it is not given")
      .at_least(0);
  table
      .add("clusters", &plan.clusters,
           "Databases or subjects of the questions; 0: each question stands for itself")
      .at_least(0);
  table
      .add("cluster_correlation", &plan.cluster_correlation,
           "How alike the differences of one database's questions are (correlation); 0: not at all")
      .at_least(0)
      .at_most(1);
  table
      .add("cluster_size_cv", &plan.cluster_size_cv,
           "How unequal the clusters are in questions: standard deviation / mean; 0: equal")
      .at_least(0);
  table.add("pilot", &options.pilot, "predictions.h5 of a smaller study that the figures come from")
      .local()
      .placeholder("F.h5");
  table.add("a", &options.a, "Arm of the pilot; else its reference arm").placeholder("ARM");
  table.add("b", &options.b, "Arm of the pilot compared with --a; else every other")
      .placeholder("ARM");
  table
      .add("next", &options.next,
           "With --pilot: the cells to add until every difference is known to within this, such as "
           "\"2 points\", however often one looks")
      .local();
  table.add("out", &options.out, "JSON to write").local().placeholder("F.json");
}

}  // namespace tradeoff::config
