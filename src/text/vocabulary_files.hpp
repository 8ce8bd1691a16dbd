#pragma once
#include "json_root.hpp"
#include "tradeoff/text/vocabulary.hpp"

namespace tradeoff::text {

/// Meta's tokenizer.model: lines "base64-bytes rank"; the 256 special tokens of Llama-3 follow the
/// ranks.
Vocabulary read_llama3_ranks(const std::filesystem::path& path);
/// A HF tokenizer.json, whose content is `root`, with the tokenizer_config.json beside it.
Vocabulary read_hf_tokenizer(const std::filesystem::path& path, const JsonObject& root);
/// Whether `root` is what Mistral's tekken.json holds: a list of tokens and a config.
bool is_tekken(const JsonObject& root);
/// Mistral's own tekken.json, whose content is `root`.
Vocabulary read_tekken(const std::filesystem::path& path, const JsonObject& root);
Vocabulary read_gguf_vocabulary(const std::filesystem::path& path);

/// The chat template of Llama-3-8B-Instruct (HF).
extern const std::string_view kLlama3ChatTemplate;

}  // namespace tradeoff::text
