#include <algorithm>

#include "collect.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/task/extract.hpp"
#include "tradeoff/task/render.hpp"

namespace tradeoff::task {
namespace {

constexpr std::string_view kInstruction =
    "Write one SQLite query that answers the question about the database. "
    "Reply with the query alone.";

struct Solved {
  std::string schema, question, query;
};

// Ends behind "SQL:", so that the answer begins on a new line.
std::string spider_text(const std::vector<Solved>& shots, const std::string& schema,
                        const std::string& question) {
  std::string text(kInstruction);
  const auto ask = [&](const std::string& of_schema, const std::string& what) {
    text += "\n\nDatabase:\n" + of_schema + "\nQuestion: " + what + "\nSQL:";
  };
  for (const Solved& shot : shots) {
    ask(shot.schema, shot.question);
    text += "\n" + shot.query;
  }
  ask(schema, question);
  return text;
}

std::vector<text::Segment> spider_segments(const PromptModel& model, Template prompt_template,
                                           const std::string& text) {
  if (prompt_template != Template::chat) return plain_segments(model, text + "\n");
  return chat_segments(model, {{"user", text}});
}

}  // namespace

struct SpiderRenderer::State {
  const Spider& spider;
  PromptModel model;
  PromptOptions options;
  SpiderShots shots;
  std::map<std::string, std::string> schemas;

  RenderedItems collect(std::size_t count, const SpiderRenderer& renderer,
                        const std::function<const SpiderExample&(std::size_t)>& example_at,
                        bool with_completion) const {
    const auto item_at = [&](std::size_t i) {
      const SpiderExample& example = example_at(i);
      Item item;
      item.id = example.id.empty() ? Json(example.index) : Json(example.id);
      item.split_size = static_cast<std::int64_t>(spider.dev.size());
      item.db_id = example.db_id;
      item.question = example.question;
      item.query = example.query;
      item.schema = schemas.at(example.db_id);
      item.hardness = example.hardness;
      item.label = example.label;
      item.also_right = example.also_right;
      if (with_completion) item.completion = one_line(example.query);
      return item;
    };
    return collect_items(count, options.shots, options.limit, item_at,
                         [&](std::size_t i) { return renderer.render(example_at(i)); });
  }
};

SpiderRenderer::SpiderRenderer(const Spider& spider, const PromptModel& model,
                               const PromptOptions& options)
    : state_(new State{spider, model, options, SpiderShots(spider, options.seed), {}}) {
  check_template(options.prompt_template, model);
  for (const auto& [db_id, schema] : spider.schemas.all()) {
    state_->schemas[db_id] = schema_text(schema, options.schema_style);
  }
}

SpiderRenderer::~SpiderRenderer() = default;

Prompt SpiderRenderer::render(const SpiderExample& example) const {
  const State& s = *state_;
  std::vector<Solved> solved;
  for (const SpiderExample* shot : s.shots.for_example(example, s.options.shots)) {
    solved.push_back({s.schemas.at(shot->db_id), shot->question, one_line(shot->query)});
  }
  return fit_prompt(s.model, s.options.limit, solved.size(), [&](std::size_t shots) {
    solved.resize(shots);
    return spider_segments(s.model, s.options.prompt_template,
                           spider_text(solved, s.schemas.at(example.db_id), example.question));
  });
}

RenderedItems SpiderRenderer::dev_items(std::span<const std::size_t> indices) const {
  const auto& dev = state_->spider.dev;
  return state_->collect(
      indices.size(), *this,
      [&](std::size_t i) -> const SpiderExample& { return dev.at(indices[i]); }, false);
}

RenderedItems SpiderRenderer::train_items(std::size_t count) const {
  const auto& train = state_->spider.train;
  state_->spider.require_train("training");
  return state_->collect(
      count == 0 ? train.size() : std::min(count, train.size()), *this,
      [&](std::size_t i) -> const SpiderExample& { return train[i]; }, true);
}

std::string SpiderRenderer::template_sha256() const {
  const State& s = *state_;
  const sql::Schema schema{
      .db_id = "d",
      .tables = {"t", "u"},
      .natural_tables = {},
      .columns = {{0, "a", "", "number"}, {0, "b c", "", "text"}, {1, "a", "", "others"}},
      .primary_keys = {0},
      .foreign_keys = {{2, 0}}};
  const std::string schema_as_text = schema_text(schema, s.options.schema_style);
  const std::string text = spider_text({{schema_as_text, "How many?", "SELECT count(*) FROM t"}},
                                       schema_as_text, "Who?");
  return sha256(text_of(spider_segments(s.model, s.options.prompt_template, text)));
}

}  // namespace tradeoff::task
