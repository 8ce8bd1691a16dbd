#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "tradeoff/infer/chunk_plan.hpp"
#include "tradeoff/infer/sampling.hpp"
#include "tradeoff/model/decoder.hpp"

namespace tradeoff::infer {

enum class Finish { stop, length };

struct Answer {
  std::vector<TokenId> ids;  // without the end token
  Finish finish = Finish::length;
  // Of a sampled answer: log-probability of its tokens, its end token included, by the model at
  // temperature 1 without cuts.
  double logprob = 0;
};

struct GenerateOptions {
  std::int64_t max_new_tokens = 128;
  // Tokens that end an answer.
  std::vector<TokenId> end_tokens;
  // Called after each new token with the answer so far; true ends it (stop strings). May be empty.
  std::function<bool(std::span<const TokenId>)> stop;
  Sampling sampling;
  // Not greedy: the key of each of the chunk's prompts (draw_key).
  std::vector<DrawKey> keys;
};

struct EngineOptions {
  // Most tokens of one pass through the model; longer chunks take several passes. 0: 4,096 on the
  // CPU, 16,384 on CUDA.
  std::int64_t max_pass_tokens = 0;
  // Called whenever answers of a chunk are complete, with their number. May be empty.
  std::function<void(std::int64_t)> on_answers = {};
  // Rows of keys and values that the new tokens of several samples may fill: as many samples of a
  // chunk as find room are decoded together, at least one. 0: what arena_rows leaves, 1 GiB on the
  // CPU.
  std::int64_t sample_rows = 0;
  // Decodes few prompts on a GPU by recorded graphs; the tokens are the same without.
  bool cuda_graphs = true;
};

class FewRows;
struct TextRow;

/// Rows of keys and values that a chunk may fill: a quarter of the whole card's memory, whatever is
/// free of it, so that a plan depends on the kind of card alone. 0 on the CPU.
std::int64_t arena_rows(const model::DecoderConfig& config, c10::ScalarType dtype,
                        c10::Device device);

/// What the model thinks of a prompt's choices.
struct ChoiceScores {
  // Log-probability of each over the whole vocabulary.
  std::vector<float> logprobs;
  // The choice that is the likeliest token of all; -1 where another token is.
  int greedy = -1;
  bool operator==(const ChoiceScores&) const = default;
};

/// Runs chunks through a model: packed tokens, each shared run computed once, the chunk's answers
/// decoded together. The result of a chunk depends on the chunk alone; the keys and
/// values of the last root prefix are kept, since a root is always computed by itself.
class Engine {
 public:
  Engine(model::Decoder& model, const EngineOptions& options = {});
  ~Engine();

  /// Answers in the order of chunk.prompts, and of samples within: those of a prompt share its keys
  /// and values.
  std::vector<Answer> generate(const Chunk& chunk, std::span<const std::vector<TokenId>> prompts,
                               const GenerateOptions& options);
  /// The choice tokens of each prompt at the position after it: choices[i] belong to
  /// chunk.prompts[i] and are equally many for all.
  std::vector<ChoiceScores> score_choices(const Chunk& chunk,
                                          std::span<const std::vector<TokenId>> prompts,
                                          std::span<const std::vector<TokenId>> choices);

  /// Prompt tokens passed through the model so far (each shared run once), and new tokens decoded.
  std::int64_t prefill_tokens() const { return prefill_tokens_; }
  std::int64_t decoded_tokens() const { return decoded_tokens_; }

 private:
  struct Layout;
  /// Hidden states [prompts, D] at the last token of each prompt.
  at::Tensor prefill(const Layout& layout);
  void tell_answers(std::int64_t count) const;
  void compute_root(std::span<const TokenId> root);
  void make_few_rows();
  void reserve(std::int64_t rows);
  std::int64_t samples_at_once(const Chunk& chunk, std::int64_t new_tokens,
                               std::int64_t samples) const;
  bool take(Answer& answer, TokenId token, const GenerateOptions& options);
  struct Next;
  Next next_tokens(const at::Tensor& hidden, const GenerateOptions& options, std::int64_t step,
                   std::span<const std::int64_t> active) const;
  model::Pass decode_pass(const Layout& layout, std::int64_t step,
                          std::span<const std::int64_t> active,
                          std::span<const Answer> answers) const;
  void decode(const Layout& layout, const GenerateOptions& options, at::Tensor hidden,
              std::vector<std::int64_t> active, std::span<Answer> answers);
  bool takes_few_rows(const Layout& layout, std::size_t rows) const;
  TextRow text_row(const Layout& layout, std::int64_t step, std::int64_t prompt,
                   const Answer& answer) const;
  void decode_few_rows(const Layout& layout, const GenerateOptions& options, std::int64_t step,
                       std::vector<std::int64_t> active, std::span<Answer> answers);
  Layout make_layout(const Chunk& chunk, std::span<const std::vector<TokenId>> prompts,
                     std::int64_t new_tokens, std::int64_t samples = 1);

  model::Decoder& model_;
  EngineOptions options_;
  model::KvArena arena_;
  std::unique_ptr<FewRows> few_rows_;  // where the device has them
  std::vector<TokenId> root_;  // tokens whose keys and values stand in the arena's first rows
  std::int64_t prefill_tokens_ = 0, decoded_tokens_ = 0;
};

}  // namespace tradeoff::infer
