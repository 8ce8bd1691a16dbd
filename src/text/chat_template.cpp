#include "tradeoff/text/chat_template.hpp"

#include "hf_config.hpp"
#include "jinja/eval.hpp"
#include "jinja/library.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff::text {

using jinja::Dict;
using jinja::List;
using jinja::Text;
using jinja::Value;

struct ChatTemplate::State {
  std::string name, date;
  jinja::NodePtr root;
  std::map<std::string, Value> variables;
};

ChatTemplate::ChatTemplate(std::string name, std::string_view source, const ChatOptions& options,
                           std::map<std::string, std::string> special_tokens) {
  auto state = std::make_shared<State>();
  state->name = std::move(name);
  state->date = options.template_date;
  state->variables["date_string"] = Text(jinja::format_date(options.template_date, "%d %b %Y"));
  state->variables["enable_thinking"] = options.enable_thinking;
  state->variables["tools"] = Value();
  state->variables["documents"] = Value();
  for (auto& [key, token] : special_tokens) state->variables[key] = Text(token);
  try {
    state->root = jinja::parse(source);
  } catch (const Error& error) {
    fail(state->name + ": " + error.what());
  }
  state_ = std::move(state);
}

std::vector<Segment> ChatTemplate::render(const std::vector<Message>& messages,
                                          bool add_generation_prompt) const {
  List list;
  for (const Message& message : messages) {
    check_role(message.role);
    Dict dict;
    dict.set(Text("role"), Text(message.role));
    dict.set(Text("content"), Text(message.content, SegmentKind::data));
    list.emplace_back(std::move(dict));
  }
  auto variables = state_->variables;
  variables["messages"] = std::move(list);
  variables["add_generation_prompt"] = add_generation_prompt;
  Text text;
  try {
    text = jinja::run(*state_->root, variables, state_->date);
  } catch (const Error& error) {
    fail(state_->name + ": " + error.what());
  }
  std::vector<Segment> segments;
  for (std::size_t at = 0; at < text.bytes.size();) {
    const std::size_t end =
        std::min(text.kinds.find_first_not_of(text.kinds[at], at), text.kinds.size());
    segments.push_back({text.bytes.substr(at, end - at), static_cast<SegmentKind>(text.kinds[at])});
    at = end;
  }
  return segments;
}

ChatTemplate load_chat_template(const std::filesystem::path& model_folder,
                                const ChatOptions& options) {
  const std::string source = options.chat_template.empty()
                                 ? read_chat_template(model_folder)
                                 : read_template_file(options.chat_template);
  const std::string name =
      (options.chat_template.empty() ? model_folder : options.chat_template).string();
  if (source.empty())
    fail(name +
         ": found a model without a chat template, expected one for template = chat; use "
         "template = plain or give --chat-template FILE");
  return {name + ": chat template", source, options, read_special_tokens(model_folder)};
}

}  // namespace tradeoff::text
