#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/text/chat.hpp"

namespace tradeoff::text {

struct ChatOptions {
  // A Jinja file to use in place of the model folder's own template; empty: the folder's.
  std::filesystem::path chat_template = {};
  // The day that a template which writes a date sees, YYYY-MM-DD; never the clock's, so that a
  // prompt is the same tomorrow. The default is the one of Llama-3.1's template.
  std::string template_date = "2024-07-26";
  // What a template with a thinking mode is told.
  bool enable_thinking = false;
};

/// A Jinja chat template, in the subset that model folders use. Copies share what was parsed.
class ChatTemplate {
 public:
  /// `name` stands in errors; `special_tokens` are bos_token and the like. Throws Error naming
  /// template and line where the text is no template or the options' date is no day.
  ChatTemplate(std::string name, std::string_view source, const ChatOptions& options = {},
               std::map<std::string, std::string> special_tokens = {});

  /// What transformers' apply_chat_template gives: contents are data, all else is markup.
  /// Neighbours of one kind are joined. Throws Error naming template and line where the template
  /// refuses the messages, needs what is not there, or does not end.
  std::vector<Segment> render(const std::vector<Message>& messages,
                              bool add_generation_prompt) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

/// The template of a model folder, or of the options' file: chat_template.jinja, else
/// chat_template.json, else tokenizer_config.json (of several named ones "default"). Throws Error
/// where there is none.
ChatTemplate load_chat_template(const std::filesystem::path& model_folder,
                                const ChatOptions& options = {});

}  // namespace tradeoff::text
