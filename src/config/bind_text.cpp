#include "tradeoff/config/bind_task.hpp"

namespace tradeoff::config {

void bind(OptionTable& table, text::TokenizeOptions& options) {
  table
      .add("tokenizer", &options.tokenizer,
           "A tokenizer.model, a tokenizer.json, a .gguf, or a model folder")
      .required();
  table.add("input", &options.input, "JSONL with a string \"text\" in every object")
      .required()
      .placeholder("F.jsonl");
  table.add("output", &options.output, "JSONL to write: {\"ids\": [...]} for every line", {"out"})
      .required()
      .placeholder("F.jsonl");
  table.add_flag("specials", &options.specials, text::Specials::parse, text::Specials::as_text,
                 "Text that spells a special token is that token");
}

}  // namespace tradeoff::config
