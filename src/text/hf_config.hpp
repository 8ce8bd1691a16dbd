#pragma once
#include <map>

#include "tradeoff/text/vocabulary.hpp"

namespace tradeoff::text {

/// Fills bos, eos, pad, unk and the chat template from `folder`/tokenizer_config.json and
/// chat_template.jinja, as far as they are there.
void read_hf_config(const std::filesystem::path& folder, Vocabulary& vocabulary);

/// A Jinja file of a chat template. Throws Error where it has more than 16 MiB.
std::string read_template_file(const std::filesystem::path& file);
/// The chat template of a model folder; empty where it has none.
std::string read_chat_template(const std::filesystem::path& folder);
/// The special tokens that tokenizer_config.json names, by key ("bos_token", ...); where the folder
/// has neither that nor a tokenizer.json, those of its tekken.json or tokenizer.model.
std::map<std::string, std::string> read_special_tokens(const std::filesystem::path& folder);

}  // namespace tradeoff::text
