#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/text/tokenizer.hpp"

namespace tradeoff::text {

/// The chat formats, each as its model's own Jinja template renders it.
enum class ChatFamily {
  plain,   // the contents as they are, joined by a blank line
  chatml,  // SmolLM2-Instruct's: its default system prompt unless the first message is a system one
  chatml_plain,  // the same without a default system prompt
  llama3,  // Llama-3-Instruct's: one <|begin_of_text|>, contents trimmed, no default system prompt
};

enum class SegmentKind {
  markup,  // written by the template: special tokens in it are special
  data,    // came from outside: what looks like a special token is text
};

struct Segment {
  std::string text;
  SegmentKind kind;
  friend bool operator==(const Segment&, const Segment&) = default;
};

struct Message {
  std::string role;  // "system", "user", "assistant": letters, digits, _ and - alone
  std::string content;
};

/// Throws Error unless `role` is a plain word, which no special token is.
void check_role(const std::string& role);

/// What the family's template makes of `messages`; with `add_generation_prompt` it ends where the
/// assistant's answer begins. Neighbours of one kind are joined and empty segments left out. No BOS
/// is added but Llama-3's own. Throws Error on a role that is not a plain word.
std::vector<Segment> render_chat(ChatFamily family, const std::vector<Message>& messages,
                                 bool add_generation_prompt);

/// The family of a model folder, by the chat template in its tokenizer_config.json (or
/// chat_template.jinja): none is plain. Throws Error on a template that is none of the families',
/// such as Llama-3.1's with its dates.
ChatFamily chat_family(const std::filesystem::path& model_folder);
/// The same for a template's text.
ChatFamily chat_family_of(std::string_view chat_template);

/// The segments' texts joined: the prompt as one reads it.
std::string text_of(const std::vector<Segment>& segments);

/// Ids of the segments. Special tokens are found in markup only, and only whole inside one stretch
/// of markup; the text between two of them, markup and data alike, is encoded in one piece. So the
/// ids are those of encode(text_of(segments), Specials::parse) whenever no data spells a special
/// token.
std::vector<TokenId> encode_segments(const Tokenizer& tokenizer,
                                     const std::vector<Segment>& segments);

}  // namespace tradeoff::text
