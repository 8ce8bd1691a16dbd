#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/comm/session.hpp"
#include "tradeoff/infer/chunk_plan.hpp"
#include "tradeoff/store/journal.hpp"
#include "tradeoff/store/prediction.hpp"
#include "tradeoff/study/loaded_model.hpp"
#include "tradeoff/study/sampling.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::study {

struct DecodingOptions {
  // Most new tokens of a written answer.
  std::int64_t max_new_tokens = 128;
  // Texts that end an answer, besides the model's end tokens.
  std::vector<std::string> stop;
  // Most questions of a chunk, the unit of work; part of the record, since it decides shapes.
  // 0: chosen for the task and the device (infer::auto_chunk_size).
  std::int64_t chunk_size = 0;
  // How a written answer is chosen; resolved (resolve_sampling).
  SamplingOptions sampling;
};

/// What answers to a task are.
store::Form form_of(const task::Task& task);

/// Items to be answered, tokenised, checked against the model's context, cut into chunks: the same
/// on every rank.
struct PredictionPlan {
  // Of which task: its name stands with the results.
  std::string task;
  store::Form form = store::Form::sql;
  std::span<const task::Item> items;
  DecodingOptions decoding;
  std::vector<std::vector<text::TokenId>> prompts;  // by item; empty for a skipped one
  std::vector<std::vector<text::TokenId>> choices;  // by item, where choices are scored
  std::vector<infer::Chunk> chunks;                 // of item indices
  // By chunk: its name in journals. What is in a chunk decides it, so that a study which gets more
  // questions keeps the chunks that stay as they were.
  std::vector<std::uint64_t> chunk_ids;
  // Of a sampled prediction, beside its sample seed.
  std::uint64_t replicate_seed = 0;

  bool sampled() const { return written() && !decoding.sampling.rule.greedy(); }
  /// Answers, and rows, of an item.
  std::int64_t samples() const { return sampled() ? decoding.sampling.rule.samples : 1; }

  /// Whether answers are written, rather than that choices are scored.
  bool written() const { return form != store::Form::choice; }
};

/// `arena_rows`: see study::arena_rows; it decides a chunk size that is left open. Throws Error
/// naming the item whose prompt is empty or, with the answer, longer than the model's
/// context, or whose choices are not one token each.
PredictionPlan plan_predictions(std::span<const task::Item> items, const task::Task& task,
                                const DecodingOptions& decoding, const text::Tokenizer& tokenizer,
                                std::int64_t context, std::int64_t arena_rows);

/// What a journal of these predictions must agree with, whatever the questions: the model, the
/// options. Which questions they are is told by the names of their chunks.
Json prediction_header(const PredictionPlan& plan, const Json& model_identity);

/// The same for predictions of one items file, whose journals are of these items in these chunks
/// alone.
Json fixed_items_header(const PredictionPlan& plan, const Json& model_identity);

/// Finished chunks of a plan by their names, and what their journals told.
struct FinishedChunks {
  std::map<std::uint64_t, std::vector<store::Prediction>> chunks;
  store::JournalsTold told;
};

/// What the journals of `folder` hold of this plan, with a warning for each damaged line and for
/// each chunk whose rows are not the plan's: those are computed again. Throws Error where they are
/// of another run.
FinishedChunks finished_chunks(const PredictionPlan& plan, const std::filesystem::path& folder,
                               const Json& header);

/// The answers to a plan: one an item and sample, in the items' order and samples within.
struct Predicted {
  // False on every rank where a stop signal came first; the finished chunks stand in the journals.
  bool complete = true;
  // On rank 0 of a complete one.
  std::vector<store::Prediction> rows;
  // On rank 0: those that there are, complete or not.
  std::int64_t answered = 0;
};

/// Those of the finished chunks, which stand in `journals`, in their places, with the rows of
/// skipped items. Throws Error naming the first item without an answer where `all_expected`.
Predicted collect(const PredictionPlan& plan, FinishedChunks finished, bool all_expected,
                  const std::filesystem::path& journals);

/// Called on the rank that finished a chunk, with its rows as they stand in the journal.
using OnChunk = std::function<void(std::span<const store::Prediction>)>;

/// Collective. Throws Error where a chunk does not fit into a rank's memory: it names the option
/// that takes less, and the chunk size stays as it is, since it decides the answers' last bits.
Predicted predict(const comm::Session& session, LoadedModel& model, const PredictionPlan& plan,
                  const std::filesystem::path& journal_folder, const Json& header,
                  FinishedChunks finished, const OnChunk& on_chunk = {});

}  // namespace tradeoff::study
