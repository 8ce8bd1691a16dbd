#pragma once
#include "json_root.hpp"
#include "tradeoff/text/vocabulary.hpp"

namespace tradeoff::text {

/// Reads a tokenizer.json's normalizer, pre_tokenizer and decoder into `vocabulary`, and whether
/// its post_processor adds bos. Returns whether tokens are spelled in the byte alphabet (ByteLevel)
/// rather than SentencePiece's. Throws Error naming key, found and supported.
bool read_hf_parts(const JsonObject& root, Vocabulary& vocabulary);

}  // namespace tradeoff::text
