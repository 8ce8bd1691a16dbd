#include "glossary.hpp"

#include <set>

#include "tradeoff/sql/judge/error_class.hpp"

namespace tradeoff::report {
namespace {

constexpr Term kTerms[] = {
    {"exec", "right by the official test-suite rules: equal rows on every database of the folder"},
    {"exec_keep_distinct", "as exec, with each DISTINCT of both queries kept"},
    {"match", "the official exact match: equal clauses, texts and numbers apart"},
    {"set", "equal sets of rows: order and repetition do not count"},
    {"strict", "equal rows as often as the gold has them, in its order where it orders"},
    {"soft_f1", "how much of the rows' cells agree, from 0 to 1"},
    {"non_empty", "answers that run and return rows, right or wrong"},
    {"95 % interval", "holds the true accuracy in 95 of 100 such studies (Korn-Graubard)"},
    {"s.e. (clusters)",
     "standard error if other databases or subjects had been asked, at these seeds"},
    {"sd over seeds", "standard deviation of the accuracy from seed to seed"},
    {"95 % (clusters)", "interval over databases or subjects, at these seeds"},
    {"95 % (and seeds)", "interval over databases or subjects and over seeds"},
    {"p", "how often so large a difference comes by chance where there is none"},
    {"df", "degrees of freedom (Satterthwaite): the fewer, the wider the interval"},
    {"Holm p", "p with all comparisons of this study counted; below 0.05 a difference is told"},
    {"s.e. questions", "the standard error's part that other questions would change"},
    {"s.e. runs", "the standard error's part that other seeds would change"},
    {"to right", "questions that were wrong and became right"},
    {"to wrong", "questions that were right and became wrong"},
    {"McNemar p", "exact test of these counts, for one seed and independent questions"},
    {"flips", "share of questions whose verdict changed, either way"},
    {"other answers", "share of questions whose answer changed, whatever its verdict"},
    {"discordant", "share of questions where exactly one of the two arms is right"},
    {"detectable", "the difference that such a study finds four times in five"},
    {"question × seed", "what questions and seeds together do not explain"},
    {"pass@k", "chance that at least one of k answers is right (Chen et al. 2021)"},
    {"vote", "the answer whose result most samples give"},
    {"any", "share of questions that any of the samples answers"},
    {"calibration error", "mean distance between confidence and accuracy"},
    {"Brier score", "mean squared distance between confidence and verdict; 0 is perfect"},
    {"always_empty", "a predictor whose query returns no rows"},
    {"gold_as_prediction", "the gold queries themselves, judged as predictions"},
    {"majority_letter", "always the letter that is right most often"},
    {"device hours", "hours times GPUs, or times ranks on CPUs"},
};

std::set<std::string> classes_of(const Analysis& analysis) {
  std::set<std::string> names;
  for (const auto& [task, errors] : analysis.errors)
    for (const auto& [arm, classes] : errors.classes)
      for (const auto& [name, rows] : classes) names.insert(name);
  names.erase("right");
  return names;
}

}  // namespace

std::span<const Term> terms() {
  return kTerms;
}

std::string class_meaning(const std::string& name) {
  if (name == "skipped") return "the prompt was too long, so nothing was asked";
  if (name == "gold_error") return "the gold query fails; the question is not counted";
  const std::string_view known = sql::meaning_of(name);
  return known.empty() ? "not known to this version" : std::string(known);
}

Grid glossary_grid(const Analysis& analysis) {
  Grid grid{"What the classes mean.",
            "Of every wrong answer the first that applies.",
            {"class", "meaning"},
            2,
            {},
            {}};
  for (const std::string& name : classes_of(analysis))
    grid.rows.push_back({name, class_meaning(name)});
  return grid;
}

Grid terms_grid() {
  Grid grid{
      "What the words mean.", "As they head the tables above.", {"word", "meaning"}, 2, {}, {}};
  for (const Term& term : terms())
    grid.rows.push_back({std::string(term.name), std::string(term.meaning)});
  return grid;
}

Json glossary_json(const Analysis& analysis) {
  Json out = Json::object();
  for (const Term& term : terms()) out[std::string(term.name)] = term.meaning;
  for (const std::string& name : classes_of(analysis)) out[name] = class_meaning(name);
  return out;
}

}  // namespace tradeoff::report
