#pragma once
#include <cstdint>
#include <filesystem>

#include "tradeoff/text/tokenizer.hpp"

namespace tradeoff::text {

struct TokenizeOptions {
  // A tokenizer.model, a tokenizer.json, a .gguf, or a model folder.
  std::filesystem::path tokenizer;
  // JSONL, an object with a string "text" a line.
  std::filesystem::path input;
  // JSONL, {"ids":[...]} for each line of the input, in its order; written whole or not at all.
  std::filesystem::path output;
  // Whether a text that spells a special token is that token. No BOS is added either way.
  Specials specials = Specials::as_text;
};

struct TokenizeCounts {
  std::uint64_t texts = 0, bytes = 0, tokens = 0;
};

/// The `tokenize` command. Throws Error naming FILE:LINE where a row has no "text" string.
TokenizeCounts tokenize_file(const TokenizeOptions& options);

}  // namespace tradeoff::text
