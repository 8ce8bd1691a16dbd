#pragma once
#include <c10/core/Event.h>

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "tradeoff/infer/prefix_tree.hpp"
#include "tradeoff/model/decoder.hpp"
#include "tradeoff/model/step_graph.hpp"

namespace tradeoff::infer {

/// A text that is being continued: its newest token, where that stands, and the stretches of keys
/// that it sees. The first stretch ends with the token's own keys and grows with each step.
struct TextRow {
  TokenId id = 0;
  std::int64_t position = 0, kv_row = 0;
  struct Keys {
    std::int64_t begin = 0, count = 0, position = 0;
  };
  std::vector<Keys> keys;
};

/// Steps of greedy decoding of few texts on a GPU. All that a step needs lies on the device, which
/// carries it on to the next step, so the host may look at the tokens a step late; with `graphs` a
/// step is one recorded graph. Rows are filled up to a power of two, and each such size is a graph
/// of its own; the tokens are the same with graphs and without.
class FewRows {
 public:
  static constexpr std::int64_t kMost = 64;

  FewRows(model::Decoder& model, bool graphs) : model_(model), graphs_(graphs) {}
  /// Whether the device and the model have what it needs.
  static bool takes(const model::Decoder& model);
  /// The rows that a step computes for `rows` texts.
  static std::int64_t padded(std::int64_t rows);

  /// Begins with these texts, at most kMost, of at most `max_position` + 1 tokens in the end.
  /// `arena` lies where it lay at the first call; rows that hold no text write its `spare_row`.
  void start(std::span<const TextRow> rows, std::int64_t max_position, std::int64_t spare_row,
             model::KvArena& arena);
  /// Enqueues a step.
  void step();
  /// The next token of each text, of the oldest step that was not yet asked for; waits for it.
  std::vector<TokenId> tokens();

 private:
  struct Size {
    model::Step step;
    at::Tensor growth, key_growth;  // int64 [R]; int32 [R]: 1 for a text, 0 for a row without
    model::StepGraph graph;
    std::int64_t revision = -1;
  };
  Size& size_for(std::int64_t rows);
  void work(Size& size);

  model::Decoder& model_;
  bool graphs_;
  std::map<std::int64_t, Size> sizes_;
  Size* now_ = nullptr;
  model::KvArena* arena_ = nullptr;
  std::size_t texts_ = 0;
  // Tokens on their way to the host: a step writes one while the host reads the other.
  std::array<at::Tensor, 2> arrived_;
  std::array<c10::Event, 2> events_{c10::Event(c10::DeviceType::CUDA),
                                    c10::Event(c10::DeviceType::CUDA)};
  std::int64_t steps_ = 0, asked_ = 0;
};

}  // namespace tradeoff::infer
