#include <array>
#include <string_view>
#include <utility>

#include "run_texts.hpp"
#include "tradeoff/store/item_columns.hpp"
#include "tradeoff/store/predictions_file.hpp"

namespace tradeoff::store {
namespace {

// What the columns of other tables than items and runs hold: for h5ls, h5py and whoever has only
// the file.
constexpr std::array<std::pair<std::string_view, std::string_view>, 22> kTexts = {{
    {"accuracy", "share of right answers by the study's primary metric, 0 to 1"},
    {"arm", "name of the arm"},
    {"ci95_high", "upper end of the 95 % interval"},
    {"ci95_low", "lower end of the 95 % interval"},
    {"epoch", "passes over the training rows after this step"},
    {"error_type", "what is wrong with the question by an expert's review; ok: nothing"},
    {"grad_norm", "norm of the gradient before clipping"},
    {"items", "number of questions"},
    {"loss", "mean loss of the step's supervised tokens, before the update"},
    {"lr", "learning rate of the step"},
    {"n", "answers counted: questions times seeds"},
    {"name", "name of the floor"},
    {"rest", "what follows the shared beginning of the prompt before"},
    {"right", "answers that the floor gets right"},
    {"rows", "number of answers, over all seeds"},
    {"se_cluster", "standard error over databases or subjects"},
    {"seeds", "number of replicate seeds"},
    {"shared", "bytes of the prompt before that begin this one"},
    {"step", "optimizer step, from 1"},
    {"supervised_tokens", "tokens of the step that the loss is over"},
    {"task", "name of the task"},
    {"type", "the kind of knowledge that the question needs, as its authors number it"},
}};

std::string_view item_column_text(std::string_view name) {
  using namespace item_column;
  for (const auto& column : {kId, kQuestion, kDatabase, kQuery, kHardness, kSchema, kGoldResult,
                             kAlsoRight, kSubject, kGroup, kChoices, kRightChoice})
    if (column.name == name) return column.text;
  return name == kSplitSize.name ? kSplitSize.text : std::string_view();
}

}  // namespace

std::string_view column_text(std::string_view name) {
  for (const auto& [known, text] : kTexts)
    if (known == name) return text;
  const std::string_view text = item_column_text(name);
  return text.empty() ? run_column_text(name) : text;
}

}  // namespace tradeoff::store
