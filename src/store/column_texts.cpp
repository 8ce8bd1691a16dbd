#include <array>
#include <string_view>
#include <utility>

#include "run_texts.hpp"
#include "tradeoff/store/predictions_file.hpp"

namespace tradeoff::store {
namespace {

// What the columns of other tables than runs hold: for h5ls, h5py and whoever has only the file.
constexpr std::array<std::pair<std::string_view, std::string_view>, 33> kTexts = {{
    {"accuracy", "share of right answers by the study's primary metric, 0 to 1"},
    {"also_right", "a JSON list of further queries that are as right as the gold SQL"},
    {"arm", "name of the arm"},
    {"ci95_high", "upper end of the 95 % interval"},
    {"ci95_low", "lower end of the 95 % interval"},
    {"choices", "choices: their texts, a line each"},
    {"db_id", "queries: the database that the question is about"},
    {"epoch", "passes over the training rows after this step"},
    {"error_type", "what is wrong with the question by an expert's review; ok: nothing"},
    {"grad_norm", "norm of the gradient before clipping"},
    {"group", "choices: group of the subject"},
    {"hardness", "queries: level of the gold query by the official rules"},
    {"id", "the question's id in its data set"},
    {"items", "number of questions"},
    {"loss", "mean loss of the step's supervised tokens, before the update"},
    {"lr", "learning rate of the step"},
    {"n", "answers counted: questions times seeds"},
    {"name", "name of the floor"},
    {"query", "queries: the gold SQL"},
    {"question", "the question as the data set has it"},
    {"rest", "what follows the shared beginning of the prompt before"},
    {"right", "answers that the floor gets right"},
    {"rows", "number of answers, over all seeds"},
    {"schema", "queries: the database's schema as the prompt tells it"},
    {"se_cluster", "standard error over databases or subjects"},
    {"seeds", "number of replicate seeds"},
    {"shared", "bytes of the prompt before that begin this one"},
    {"split_size", "questions of the split that the item was drawn from"},
    {"step", "optimizer step, from 1"},
    {"subject", "choices: the subject"},
    {"supervised_tokens", "tokens of the step that the loss is over"},
    {"task", "name of the task"},
    {"type", "the kind of knowledge that the question needs, as its authors number it"},
}};

}  // namespace

std::string_view column_text(std::string_view name) {
  for (const auto& [known, text] : kTexts)
    if (known == name) return text;
  return run_column_text(name);
}

}  // namespace tradeoff::store
