#pragma once
#include "tradeoff/text/vocabulary.hpp"

namespace tradeoff::text {

/// Fills bos, eos, pad, unk and the chat template from `folder`/tokenizer_config.json and
/// chat_template.jinja, as far as they are there.
void read_hf_config(const std::filesystem::path& folder, Vocabulary& vocabulary);

/// The chat template of a model folder; empty where it has none.
std::string read_chat_template(const std::filesystem::path& folder);

}  // namespace tradeoff::text
