#include <fmt/format.h>

#include <algorithm>

#include "analysis/words.hpp"
#include "assets.hpp"
#include "figures/figures.hpp"
#include "grids/glossary.hpp"
#include "grids/grids.hpp"
#include "grids/reviewed.hpp"
#include "grids/robustness.hpp"
#include "questions.hpp"
#include "tradeoff/report/page/tables.hpp"

namespace tradeoff::report {
namespace {

// A number stays with its unit.
std::string unbroken(std::string text) {
  for (const std::string_view unit : {" %", " points", " p ", "p < "}) {
    std::string bound(unit);
    std::ranges::replace(bound, ' ', '\x01');
    for (std::size_t at = 0; (at = text.find(unit, at)) != std::string::npos; at += unit.size()) {
      text.replace(at, unit.size(), bound);
    }
  }
  std::string out;
  for (const char c : text) out += c == '\x01' ? std::string("&nbsp;") : std::string(1, c);
  return out;
}

std::string figure(const std::string& svg, const std::string& caption) {
  if (svg.empty()) return "";
  return fmt::format("<figure class=\"plot\">{}<figcaption>{}</figcaption></figure>\n", svg,
                     escape_html(caption));
}

std::string grid(const Grid& one) {
  return one.rows.empty() && one.notes.empty() ? "" : to_html(one);
}

// A long table behind a line to open it.
std::string folded(const std::string& title, const std::string& body) {
  if (body.empty()) return "";
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escape_html(title), body);
}

// A section, and its line in the list at the top; none where there is nothing in it.
struct Page {
  std::string contents, body;
  void section(const std::string& id, const std::string& title, const std::string& content) {
    if (content.empty()) return;
    contents += fmt::format("<a href=\"#{}\">{}</a>\n", id, title);
    body += fmt::format("<section id=\"{}\"><h2>{}</h2>\n{}</section>\n", id, title, content);
  }
};

std::string list_of(const std::vector<std::string>& lines, const std::string& style) {
  if (lines.empty()) return "";
  std::string html = fmt::format("<ul class=\"{}\">\n", style);
  for (const std::string& line : lines) html += "<li>" + escape_html(line) + "</li>\n";
  return html + "</ul>\n";
}

std::string heat(const Analysis& analysis, const Grouping& grouping, const std::string& title) {
  const std::string drawn =
      figure(heat_figure(analysis, grouping),
             title +
                 ": % right of each arm, then what changed from the first, in points; the largest "
                 "gain of the last arm first; in brackets the number of questions. Few questions "
                 "change much by chance.");
  constexpr std::size_t kShown = 30;
  const auto labels = grouping.by_arm.empty() ? 0 : grouping.by_arm.begin()->second.size();
  return labels > kShown ? folded(title + ", every arm", drawn) : drawn;
}

std::string by_label(const Analysis& analysis) {
  std::string html = legend(analysis);
  for (const Grouping& grouping : analysis.groupings) {
    const std::string title = fmt::format("{} by {}", task_title(grouping.task), grouping.name);
    const std::string drawn =
        figure(group_figure(analysis, grouping),
               title +
                   ": dots are accuracies over all seeds, bars their 95 % intervals over "
                   "questions; in brackets the number of questions.");
    const std::string figures =
        folded(title + " as a table", to_html(group_grid(analysis, grouping)));
    // Databases and subjects are many: their intervals are opened on demand.
    const bool many = grouping.name == analysis.task(grouping.task).words.cluster;
    html +=
        many ? heat(analysis, grouping, title) + folded(title + ", with intervals", drawn + figures)
             : drawn + figures;
  }
  return html;
}

std::string errors(const Analysis& analysis) {
  if (analysis.errors.empty()) return "";
  std::string html = legend(analysis);
  for (const auto& [task, errors] : analysis.errors) {
    html += figure(
        error_figure(analysis, task),
        fmt::format("Why {}'s SQL is wrong, in per cent of each arm's rows.", task_title(task)));
    html += grid(errors_grid(analysis, task));
    for (const std::string& arm : analysis.arms)
      if (arm != analysis.reference) html += grid(transitions_grid(analysis, task, arm));
  }
  return html + grid(glossary_grid(analysis));
}

std::string reviews(const Analysis& analysis) {
  std::string html;
  for (const Reviewed& reviewed : analysis.reviewed)
    html += grid(reviewed_accuracy_grid(reviewed)) + grid(reviewed_effect_grid(analysis, reviewed));
  return html;
}

std::string calibrations(const Analysis& analysis) {
  std::string html;
  for (const auto& [task, by_arm] : analysis.calibration)
    html += grid(calibration_grid(analysis, task));
  return html;
}

std::string losses(const Study& study, const Analysis& analysis) {
  const std::string drawn = loss_figure(study, analysis);
  if (drawn.empty()) return "<p>No arm of this study was trained, so there is no loss curve.</p>\n";
  std::string plots;
  for (const std::string& task : analysis.tasks)
    plots += figure(steps_figure(study, analysis, task),
                    task_title(task) +
                        " by optimizer steps: dots are accuracies over all seeds, bars their 95 % "
                        "intervals; arms that differ in their length alone are joined.");
  return legend(analysis) +
         figure(drawn, "Loss on the supervised tokens at every optimizer step, a line a seed.") +
         (plots.empty() ? "" : "<div class=\"side\">" + plots + "</div>\n");
}

std::string costs(const Analysis& analysis) {
  if (analysis.costs.empty())
    return "<p>There is no ledger beside the results, so the cost is unknown.</p>\n";
  std::string plots;
  for (const std::string& task : analysis.tasks)
    plots += figure(cost_figure(analysis, task),
                    fmt::format("{}: what an arm costs against what it gains over {}, with 95 % "
                                "intervals. The line joins the arms that no cheaper one equals.",
                                task_title(task), analysis.reference));
  if (!plots.empty()) plots = legend(analysis) + "<div class=\"side\">" + plots + "</div>\n";
  return plots + grid(cost_grid(analysis));
}

std::string made_of(const Study& study) {
  const store::Predictions& p = study.predictions;
  std::string html =
      "<dl class=\"made\">\n<dt>commit</dt><dd><code>" + escape_html(p.commit) + "</code></dd>\n";
  for (const auto& [name, version] : p.versions) {
    html += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape_html(name), escape_html(version));
  }
  html += "</dl>\n";
  for (const auto& [key, run] : p.runs) {
    for (const auto& [name, value] : run.attributes) {
      if (const auto* text = std::get_if<std::string>(&value); text && name.ends_with("_sha256")) {
        html += fmt::format("<p class=\"note\">{}, seed {}, {}: {} <code>{}</code></p>\n",
                            escape_html(key.arm), key.seed, escape_html(key.task),
                            escape_html(name), escape_html(*text));
      }
    }
  }
  return folded("Versions and hashes", html) +
         folded("What the words mean", to_html(terms_grid())) +
         folded("Resolved configuration", "<pre>" + escape_html(p.config.dump(2)) + "</pre>\n");
}

std::string accuracies(const Analysis& analysis) {
  std::string html;
  for (const std::string& task : analysis.tasks) html += grid(accuracy_grid(analysis, task));
  return html;
}

std::string seeds(const Analysis& analysis) {
  std::string plots;
  for (const std::string& task : analysis.tasks) {
    plots += figure(seeds_figure(analysis, task),
                    task_title(task) +
                        ": a dot a seed, lines join the same seed, the pale bar is the "
                        "95 % interval of the mean.");
  }
  return "<div class=\"side\">" + plots + "</div>\n" + grid(seeds_grid(analysis)) +
         grid(runs_grid(analysis)) + grid(without_failed_grid(analysis)) +
         grid(variance_grid(analysis));
}

std::string script() {
  return std::string(asset_sql()) + std::string(asset_tables()) + std::string(asset_address()) +
         std::string(asset_list());
}

}  // namespace

std::string html(const Study& study, const Analysis& analysis) {
  Page page;
  const auto lines = headline(analysis);
  page.section("results", "Results",
               accuracies(analysis) + grid(samples_grid(analysis)) +
                   grid(agreement_grid(analysis)) + grid(floors_grid(analysis)) +
                   grid(metrics_grid(analysis)));
  std::string compared =
      figure(tradeoff_figure(analysis),
             fmt::format("The trade-off plane: what each arm gained on {} against what it lost on "
                         "{}. The regions hold both true differences with 95 % confidence.",
                         task_title(analysis.first_of(task::Kind::sql)),
                         task_title(analysis.first_of(task::Kind::choice))));
  compared += figure(forest_figure(analysis),
                     "Paired differences. Thick: 95 % over databases or subjects at these seeds; "
                     "thin: over seeds too.");
  compared += grid(pairs_grid(analysis)) + grid(error_grid(analysis)) +
              grid(tradeoff_grid(analysis)) + grid(posterior_grid(analysis));
  const std::string reworded = grid(robustness_grid(analysis));
  page.section("tradeoff", "The trade-off",
               analysis.arms.size() > 1
                   ? legend(analysis) + compared
                   : "<p>This study has one arm, so there is nothing to compare it with. Another "
                     "<code>[arm.NAME]</code> in the job file, and the same command again, adds "
                     "one.</p>\n");
  page.section("reworded", "Other words", reworded);
  page.section("reviewed", "Suspect questions", reviews(analysis));
  page.section("settle", "What would settle it",
               list_of(what_would_settle(analysis), "plain") + grid(plan_grid(analysis)) +
                   grid(sequence_grid(analysis)));
  page.section("seeds", "Seeds", seeds(analysis));
  page.section("where", "Where", by_label(analysis));
  page.section("errors", "Errors", errors(analysis));
  page.section("training", "Training", losses(study, analysis));
  page.section("cost", "Cost", costs(analysis));
  page.section("honest", "What was cut or skipped",
               grid(counts_grid(analysis)) + calibrations(analysis));
  page.section("questions", "Every question", legend(analysis) + std::string(asset_questions()));
  page.section("made", "Made of", grid(models_grid(study, analysis)) + made_of(study));

  std::string head;
  for (const std::string& line : lines) {
    head += fmt::format("<p class=\"lead\">{}</p>\n", unbroken(escape_html(line)));
  }
  std::string data = to_line(question_data(study, analysis));
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n"
      "<title>{0}: what fine-tuning bought and what it "
      "cost</title>\n<style>\n{1}</style>\n</head>\n"
      "<body>\n<a class=\"skip\" href=\"#results\">Skip to the results</a>\n<header>\n"
      "<p class=\"kind\">tradeoff report</p>\n<h1>Study {0}</h1>\n{2}{3}</header>\n"
      "<nav aria-label=\"Sections\">\n{4}</nav>\n<main>\n{5}</main>\n"
      "<script type=\"text/plain\" id=\"data\">{6}</script>\n<script>\n{7}</script>\n</body>\n"
      "</html>\n",
      escape_html(analysis.name), asset_style(), head, list_of(warnings(study), "warnings"),
      page.contents, page.body, pack(data), script());
}

}  // namespace tradeoff::report
