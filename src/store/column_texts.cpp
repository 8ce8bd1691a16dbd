#include <array>
#include <string_view>
#include <utility>

#include "tradeoff/store/predictions_file.hpp"

namespace tradeoff::store {
namespace {

// What a column holds, wherever it stands: for h5ls, h5py and whoever has only the file.
constexpr std::array<std::pair<std::string_view, std::string_view>, 64> kTexts = {{
    {"accuracy", "share of right answers by the study's primary metric, 0 to 1"},
    {"also_right", "a JSON list of further queries that are as right as the gold SQL"},
    {"answer", "MMLU: the right letter of an item; the chosen letter of an answer"},
    {"arm", "name of the arm"},
    {"ci95_high", "upper end of the 95 % interval"},
    {"ci95_low", "lower end of the 95 % interval"},
    {"choice_logprobs", "log-probability over the whole vocabulary of the choices A to D"},
    {"choices", "MMLU: the four choices, a line each"},
    {"clean",
     "correct, on questions without a known fault alone (1 yes, 0 no, -1 the question has one)"},
    {"correct", "whether the chosen letter is the right one (1 yes, 0 no)"},
    {"corrected", "by the key as an expert corrected it (1 yes, 0 no, -1 there is no such key)"},
    {"db_id", "Spider: the database that the question is about"},
    {"epoch", "passes over the training rows after this step"},
    {"error_class", "why a wrong answer is wrong; empty where it is right"},
    {"error_type", "what is wrong with the question by an expert's review; ok: nothing"},
    {"exec", "official test-suite execution accuracy (1 yes, 0 no, -1 not judged)"},
    {"exec_keep_distinct",
     "the official rule with DISTINCT kept on both sides (1 yes, 0 no, -1 not judged)"},
    {"finish", "how the answer ended: stop (an end token or stop text) or length (cut off)"},
    {"grad_norm", "norm of the gradient before clipping"},
    {"greedy",
     "MMLU: the choice, from 0, that is the likeliest token of all; -1 another token is, -2 "
     "unknown"},
    {"group", "MMLU: group of the subject"},
    {"hardness", "Spider: level of the gold query by the official rules"},
    {"id", "the question's id in its data set"},
    {"item", "index of the row in /items/<task>, from 0"},
    {"items", "number of questions"},
    {"logprob",
     "of a sampled answer: log-probability of its tokens by the model, at temperature 1 without "
     "cuts"},
    {"loss", "mean loss of the step's supervised tokens, before the update"},
    {"lr", "learning rate of the step"},
    {"match", "official exact set match (1 yes, 0 no, -1 not judged)"},
    {"message", "what SQLite or the comparison says of a wrong answer"},
    {"n", "answers counted: questions times seeds"},
    {"name", "name of the floor"},
    {"non_empty",
     "the prediction ran and returned rows, right or wrong (1 yes, 0 no, -1 not "
     "judged)"},
    {"outcome", "what became of the predicted SQL: ok, sql_error, denied, timeout, no_sql, ..."},
    {"overflow", "why shots were dropped or the row was skipped; empty where nothing was"},
    {"prompt_tokens", "tokens of the prompt"},
    {"query", "Spider: the gold SQL"},
    {"question", "the question as the data set has it"},
    {"reading",
     "the rule by which the letter was read from the text: opening, last_word, announced, only; "
     "no_letter or empty_output where there is none"},
    {"rest", "what follows the shared beginning of the prompt before"},
    {"result", "the first rows that the query gives on the question's own database"},
    {"result_hash",
     "equal where the rows of sampled queries are equal as bags, columns by position; empty where "
     "the query did not run"},
    {"right", "answers that the floor gets right"},
    {"rows", "number of answers, over all seeds"},
    {"sample", "which of an item's sampled answers, from 0"},
    {"schema", "Spider: the database's schema as the prompt tells it"},
    {"se_cluster", "standard error over databases or subjects"},
    {"seeds", "number of replicate seeds"},
    {"set", "equal sets of rows on the question's own database (1 yes, 0 no, -1 not judged)"},
    {"shared", "bytes of the prompt before that begin this one"},
    {"shots_used", "solved examples in the prompt"},
    {"skipped", "1: the prompt was too long, nothing was predicted, and the row counts as wrong"},
    {"soft_f1", "order-free soft F1 of the rows, 0 to 1; NaN where not judged"},
    {"split_size", "questions of the split that the item was drawn from"},
    {"sql", "the statement found in the answer; empty where there is none"},
    {"step", "optimizer step, from 1"},
    {"strict",
     "equal bags of rows, lists where the gold orders, columns by position (1 yes, 0 no, -1 not "
     "judged)"},
    {"subject", "MMLU: the subject"},
    {"supervised_tokens", "tokens of the step that the loss is over"},
    {"task", "spider or mmlu"},
    {"text", "the answer as it was generated, without end token and stop text"},
    {"token_ids", "tokens of the answer"},
    {"tokens", "number of tokens of the answer, or of the training step"},
    {"type", "the kind of knowledge that the question needs, as its authors number it"},
}};

}  // namespace

std::string_view column_text(std::string_view name) {
  for (const auto& [known, text] : kTexts)
    if (known == name) return text;
  return {};
}

}  // namespace tradeoff::store
