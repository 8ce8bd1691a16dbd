#include "tradeoff/study/prediction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "answers.hpp"
#include "chunk_ids.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/base/out_of_memory.hpp"
#include "tradeoff/base/progress.hpp"
#include "tradeoff/comm/chunk_counter.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/comm/signals.hpp"

namespace tradeoff::study {
namespace {

std::string describe(const task::Item& item) {
  return "item " + task::id_text(item.id);
}

std::optional<std::int64_t> sample_of(const PredictionPlan& plan, std::size_t sample) {
  return plan.sampled() ? std::optional(static_cast<std::int64_t>(sample)) : std::nullopt;
}

// Answers of a typical question in SQL, for the planned cost of a chunk alone.
constexpr std::int64_t kExpectedAnswerTokens = 32;

using ChunksByName = std::unordered_map<std::uint64_t, const infer::Chunk*>;

ChunksByName chunks_by_name(const PredictionPlan& plan) {
  ChunksByName chunks;
  for (std::size_t i = 0; i < plan.chunks.size(); ++i)
    chunks.emplace(plan.chunk_ids[i], &plan.chunks[i]);
  return chunks;
}

// The rows of a journal as answers to the chunk's questions, in its order, samples within. Throws
// Error where they are none.
std::vector<store::Prediction> read_rows(const PredictionPlan& plan, const ChunksByName& chunks,
                                         std::uint64_t id, const std::vector<Json>& rows) {
  const auto found = chunks.find(id);
  const auto samples = static_cast<std::size_t>(plan.samples());
  check(found != chunks.end(), "not a chunk of these items");
  const std::vector<std::int64_t>& prompts = found->second->prompts;
  check(rows.size() == prompts.size() * samples,
        fmt::format("{} rows, expected {}", rows.size(), prompts.size() * samples));
  std::vector<store::Prediction> read;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const store::Prediction& row = read.emplace_back(store::read_prediction(rows[i], plan.form));
    const task::Item& item = plan.items[prompts[i / samples]];
    check(row.id == item.id, fmt::format("row {} is of item {}, expected {}", i,
                                         task::id_text(row.id), describe(item)));
    check(row.sample == sample_of(plan, i % samples),
          fmt::format("row {} is of another sample", i));
  }
  return read;
}

// "chunk 3, item 17 and 63 more": where a rank stands, for its last words.
std::string place_of(const PredictionPlan& plan, std::int64_t index) {
  const auto& prompts = plan.chunks[index].prompts;
  const std::string first = describe(plan.items[prompts.front()]);
  return prompts.size() == 1
             ? fmt::format("chunk {}, {}", index, first)
             : fmt::format("chunk {}, {} and {} more", index, first, prompts.size() - 1);
}

// What to change where a chunk does not fit. The size is never changed by itself: it decides the
// last bits of the answers, which may not depend on what was free on some rank.
std::string takes_less(const PredictionPlan& plan) {
  if (plan.decoding.chunk_size == 1)
    return "one question alone does not fit: a shorter prompt (--max-prompt-tokens) or fewer "
           "--max-new-tokens take less";
  return fmt::format(
      "a --chunk-size below {} takes less; it is part of the record, so that all is answered anew",
      plan.decoding.chunk_size);
}

// Shows on rank 0, every half second, how many answers all ranks have; `before` of the `total` were
// there at the start.
class Ticker {
 public:
  Ticker(std::string what, const char* unit, std::uint64_t total, std::uint64_t before,
         std::function<std::uint64_t()> done)
      : progress_(std::move(what), total, unit, before),
        thread_([this, done = std::move(done)](std::stop_token stop) {
          std::mutex mutex;
          std::unique_lock lock(mutex);
          std::condition_variable_any wake;
          while (!stop.stop_requested()) {
            wake.wait_for(lock, stop, std::chrono::milliseconds(500), [] { return false; });
            progress_.update(done());
          }
        }),
        total_(total) {}

  /// Everything is done: the last line says so.
  void complete() {
    thread_.request_stop();
    thread_.join();
    progress_.update(total_);
  }

 private:
  Progress progress_;
  std::jthread thread_;  // ends before progress_ does
  std::uint64_t total_;
};

}  // namespace

store::Form form_of(const task::Task& task) {
  if (task.kind == task::Kind::sql) return store::Form::sql;
  return task.answer == task::Answer::letter ? store::Form::letter : store::Form::choice;
}

PredictionPlan plan_predictions(std::span<const task::Item> items, const task::Task& task,
                                const DecodingOptions& decoding, const text::Tokenizer& tokenizer,
                                std::int64_t context, std::int64_t arena_rows) {
  PredictionPlan plan;
  plan.task = task.name;
  plan.form = form_of(task);
  plan.items = items;
  plan.decoding = decoding;
  const bool writes = plan.written();
  const std::int64_t room = writes ? decoding.max_new_tokens : 0;
  std::vector<std::vector<text::TokenId>> planned;
  std::vector<std::int64_t> planned_item;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const task::Item& item = items[i];
    plan.prompts.emplace_back();
    plan.choices.emplace_back();
    if (item.skipped) continue;
    auto ids = item.prompt_ids.empty() ? tokenizer.encode(item.prompt, text::Specials::parse)
                                       : item.prompt_ids;
    if (ids.empty()) fail(describe(item) + ": the prompt has no tokens");
    for (const text::TokenId id : ids) {
      if (id < 0 || id >= static_cast<text::TokenId>(tokenizer.vocab_size())) {
        fail(fmt::format("{}: token id {} is not in the vocabulary (0 to {})", describe(item), id,
                         tokenizer.vocab_size() - 1));
      }
    }
    if (static_cast<std::int64_t>(ids.size()) + room > context) {
      fail(
          fmt::format("{}: {} prompt tokens and {} new ones, but the model's context is {} tokens "
                      "(shorten the prompt, or use "
                      "max_prompt_tokens with --overflow drop-shots or skip)",
                      describe(item), ids.size(), room, context));
    }
    if (!writes) {
      for (const std::string& choice : item.choices) {
        const auto tokens = tokenizer.encode(choice, text::Specials::as_text);
        if (tokens.size() != 1)
          fail(fmt::format("{}: choice \"{}\" has {} tokens, expected 1", describe(item), choice,
                           tokens.size()));
        plan.choices.back().push_back(tokens.front());
      }
    }
    planned.push_back(ids);
    planned_item.push_back(static_cast<std::int64_t>(i));
    plan.prompts.back() = std::move(ids);
  }
  infer::ChunkPlanOptions options;
  if (writes)
    options.expected_new_tokens =
        std::min(kExpectedAnswerTokens, decoding.max_new_tokens) * plan.samples();
  if (decoding.chunk_size == 0)
    plan.decoding.chunk_size = infer::auto_chunk_size(planned, options, room, arena_rows);
  options.chunk_size = plan.decoding.chunk_size;
  plan.chunks = infer::plan_chunks(planned, options);
  for (infer::Chunk& chunk : plan.chunks) {
    for (std::int64_t& index : chunk.prompts) index = planned_item[index];
  }
  plan.chunk_ids = chunk_ids(plan.chunks, plan.items, plan.prompts, plan.choices);
  return plan;
}

Json prediction_header(const PredictionPlan& plan, const Json& model_identity) {
  Json header = {{"task", plan.task}, {"model", model_identity}};
  if (plan.form == store::Form::letter) header["answer"] = name_of(task::Answer::letter);
  if (plan.written()) {
    header["max_new_tokens"] = plan.decoding.max_new_tokens;
    header["stop"] = plan.decoding.stop;
  }
  if (plan.sampled()) {
    const SamplingOptions& sampling = plan.decoding.sampling;
    header["temperature"] = sampling.rule.temperature;
    header["top_p"] = sampling.rule.top_p;
    header["top_k"] = sampling.rule.top_k;
    header["samples"] = sampling.rule.samples;
    header["sample_seed"] = sampling.sample_seed;
    header["replicate_seed"] = plan.replicate_seed;
  }
  return header;
}

Json fixed_items_header(const PredictionPlan& plan, const Json& model_identity) {
  Sha256 hash;
  for (std::size_t i = 0; i < plan.items.size(); ++i) {
    const Json row = {task::id_text(plan.items[i].id), plan.prompts[i], plan.choices[i]};
    hash.update(to_line(row));
  }
  Json header = prediction_header(plan, model_identity);
  header["items"] = plan.items.size();
  header["prompts_sha256"] = hash.finish();
  header["chunk_size"] = plan.decoding.chunk_size;
  return header;
}

FinishedChunks finished_chunks(const PredictionPlan& plan, const std::filesystem::path& folder,
                               const Json& header) {
  store::JournalContents found = store::read_journals(folder, header);
  for (const std::string& damage : found.damage) log::warn("{}", damage);
  FinishedChunks finished;
  finished.told = std::move(static_cast<store::JournalsTold&>(found));
  const ChunksByName chunks = chunks_by_name(plan);
  for (const auto& [id, rows] : found.chunks) {
    try {
      finished.chunks[id] = read_rows(plan, chunks, id, rows);
    } catch (const Error& error) {
      finished.chunks.erase(id);
      log::warn("{}: chunk {}: {}; it is computed again", folder.string(), id, error.what());
    }
  }
  return finished;
}

namespace {

std::vector<std::optional<store::Prediction>> in_places(const PredictionPlan& plan,
                                                        FinishedChunks finished) {
  const auto samples = static_cast<std::size_t>(plan.samples());
  std::vector<std::optional<store::Prediction>> rows(plan.items.size() * samples);
  const ChunksByName chunks = chunks_by_name(plan);
  for (auto& [id, chunk_rows] : finished.chunks) {
    const auto found = chunks.find(id);
    check(found != chunks.end() && found->second->prompts.size() * samples == chunk_rows.size(),
          fmt::format("chunk {} is not of this plan; this is a fault of tradeoff", id));
    const std::vector<std::int64_t>& prompts = found->second->prompts;
    for (std::size_t i = 0; i < chunk_rows.size(); ++i)
      rows.at(prompts[i / samples] * samples + i % samples) = std::move(chunk_rows[i]);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const task::Item& item = plan.items[i / samples];
    if (!item.skipped) continue;
    rows[i] = skipped_row(plan, item);
    rows[i]->sample = sample_of(plan, i % samples);
  }
  return rows;
}

// The lines that a rank tells rank 0, a finished chunk each: its rows as its journal has them.
void take_chunks(const PredictionPlan& plan, std::string_view lines, FinishedChunks& finished) {
  const ChunksByName chunks = chunks_by_name(plan);
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = lines.find('\n', begin);
    const Json chunk = Json::parse(lines.begin() + begin, lines.begin() + end);
    const auto id = chunk["chunk"].get<std::uint64_t>();
    finished.chunks[id] =
        read_rows(plan, chunks, id, chunk["rows"].get_ref<const Json::array_t&>());
    begin = end + 1;
  }
}

}  // namespace

Predicted collect(const PredictionPlan& plan, FinishedChunks finished, bool all_expected,
                  const std::filesystem::path& journals) {
  std::vector<std::optional<store::Prediction>> rows = in_places(plan, std::move(finished));
  Predicted result;
  const auto lost = std::ranges::find_if(rows, [](const auto& row) { return !row.has_value(); });
  result.answered = std::ranges::count_if(rows, [](const auto& row) { return row.has_value(); });
  result.complete = lost == rows.end();
  if (!result.complete && all_expected)
    fail(
        fmt::format("{}: no answer to {} though all {} chunks were computed; expected one for each "
                    "item: remove this folder and start again",
                    journals.string(), describe(plan.items[(lost - rows.begin()) / plan.samples()]),
                    plan.chunks.size()));
  if (!result.complete) return result;
  for (std::optional<store::Prediction>& row : rows) result.rows.push_back(std::move(*row));
  return result;
}

namespace {

// The chunks that no journal has, longest first. Rank 0 alone read the journals; all ranks hand out
// the same ones.
std::vector<std::int64_t> missing_chunks(const comm::Session& session, const PredictionPlan& plan,
                                         const FinishedChunks& finished) {
  Json missing = Json::array();
  for (const std::int64_t index : infer::longest_first(plan.chunks)) {
    if (!finished.chunks.contains(plan.chunk_ids[index])) missing.push_back(index);
  }
  return Json::parse(comm::broadcast(session, missing.dump())).get<std::vector<std::int64_t>>();
}

void tell_work(const comm::Session& session, const PredictionPlan& plan, std::int64_t chunks) {
  if (session.rank() != 0 || chunks == 0) return;
  log::info("{} chunk{} of up to {} questions", plan.chunks.size(),
            plan.chunks.size() == 1 ? "" : "s", plan.decoding.chunk_size);
  if (chunks < session.size())
    log::info("{} chunks for {} ranks: {} ranks have nothing to do", chunks, session.size(),
              session.size() - chunks);
}

// Counts, on rank 0, the answers of all ranks; those of other chunks than `order` are there.
std::unique_ptr<Ticker> start_ticker(const comm::Session& session, const PredictionPlan& plan,
                                     const std::vector<std::int64_t>& order,
                                     comm::ChunkCounter& counter) {
  if (session.rank() != 0) return nullptr;
  std::uint64_t total = 0, missing = 0;
  for (const infer::Chunk& chunk : plan.chunks) total += chunk.prompts.size();
  for (const std::int64_t index : order) missing += plan.chunks[index].prompts.size();
  const auto samples = static_cast<std::uint64_t>(plan.samples());
  const std::uint64_t before = (total - missing) * samples;
  return std::make_unique<Ticker>(plan.task, samples > 1 ? "answers" : "questions", total * samples,
                                  before,
                                  [&counter, before] { return before + counter.counted(); });
}

struct OwnChunks {
  // On rank 0.
  std::map<std::uint64_t, std::vector<store::Prediction>> chunks;
  // On the others: a line each, for take_chunks.
  std::string lines;
  // On every rank, where a stop signal came to one.
  bool stopped = false;
};

// Answers chunks of `order` as they are handed out, until there is none or a stop signal comes.
OwnChunks answer_chunks(const comm::Session& session, LoadedModel& model,
                        const PredictionPlan& plan, const std::vector<std::int64_t>& order,
                        const std::filesystem::path& journal_folder, const Json& header,
                        const OnChunk& on_chunk) {
  const store::Start start = {
      comm::broadcast(session, session.rank() == 0 ? store::new_start(session.size()).id : ""),
      session.size()};
  comm::ChunkCounter counter(session, order.size());
  store::JournalWriter journal(journal_folder, header, start);
  infer::EngineOptions engine_options;
  engine_options.cuda_graphs = model.cuda_graphs;
  engine_options.on_answers = [&](std::int64_t count) {
    counter.count(static_cast<std::uint64_t>(count));
  };
  const std::string change = takes_less(plan);
  infer::Engine engine =
      where_memory_may_end(change, [&] { return infer::Engine(*model.decoder, engine_options); });
  const std::unique_ptr<Ticker> ticker = start_ticker(session, plan, order, counter);
  OwnChunks own;
  const bool gathers = session.rank() == 0;
  const ChunksByName chunks = chunks_by_name(plan);
  while (!comm::stop_requested()) {
    const auto next = counter.next();
    if (!next) break;
    const std::int64_t index = order[*next];
    session.at(place_of(plan, index));
    const auto answers = where_memory_may_end(change, [&] {
      return answer_chunk(engine, model.tokenizer, model.end_tokens, plan, plan.chunks[index]);
    });
    std::vector<Json> rows;
    for (const store::Prediction& answer : answers) rows.push_back(to_json(answer, plan.form));
    const std::uint64_t id = plan.chunk_ids[index];
    const std::string written = journal.append(id, rows);
    if (!gathers) own.lines += fmt::format("{{\"chunk\":{},\"rows\":{}}}\n", id, written);
    if (!gathers && !on_chunk) continue;
    auto read = read_rows(plan, chunks, id, Json::parse(written).get_ref<const Json::array_t&>());
    if (on_chunk) on_chunk(read);
    if (gathers) own.chunks[id] = std::move(read);
  }
  session.at("");
  if (comm::stop_requested()) counter.close();
  own.stopped = comm::any(session, comm::stop_requested());
  if (ticker && !own.stopped) ticker->complete();
  return own;
}

}  // namespace

Predicted predict(const comm::Session& session, LoadedModel& model, const PredictionPlan& plan,
                  const std::filesystem::path& journal_folder, const Json& header,
                  FinishedChunks finished, const OnChunk& on_chunk) {
  comm::agree(session, "the predictions' items, model and options", sha256(to_line(header)));
  const std::vector<std::int64_t> order = missing_chunks(session, plan, finished);
  tell_work(session, plan, std::ssize(order));
  OwnChunks own = answer_chunks(session, model, plan, order, journal_folder, header, on_chunk);
  finished.chunks.merge(std::move(own.chunks));
  for (const std::string& lines : comm::gather(session, own.lines))
    take_chunks(plan, lines, finished);
  Predicted result;
  if (session.rank() == 0)
    result = collect(plan, std::move(finished), /*all_expected=*/!own.stopped, journal_folder);
  result.complete = !comm::any(session, !result.complete);
  return result;
}

}  // namespace tradeoff::study
