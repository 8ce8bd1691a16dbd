#include "tradeoff/text/chat.hpp"

#include <algorithm>

#include "hf_config.hpp"
#include "tradeoff/base/error.hpp"
#include "white_space.hpp"

namespace tradeoff::text {

void check_role(const std::string& role) {
  const bool word = std::all_of(role.begin(), role.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  if (role.empty() || !word)
    fail("chat message: found role \"" + role + "\", expected a word such as user or assistant");
}

namespace {

constexpr std::string_view kSmolLm2System =
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face";

class Rendering {
 public:
  void markup(std::string_view text) { add(text, SegmentKind::markup); }
  void data(std::string_view text) { add(text, SegmentKind::data); }
  std::vector<Segment> segments;

 private:
  void add(std::string_view text, SegmentKind kind) {
    if (text.empty()) return;
    if (segments.empty() || segments.back().kind != kind) segments.push_back({"", kind});
    segments.back().text += text;
  }
};

void render_chatml(Rendering& out, const Message& message) {
  out.markup("<|im_start|>" + message.role + "\n");
  out.data(message.content);
  out.markup("<|im_end|>\n");
}

void render_llama3(Rendering& out, const Message& message) {
  out.markup("<|start_header_id|>" + message.role + "<|end_header_id|>\n\n");
  out.data(strip_white(message.content, true, true));
  out.markup("<|eot_id|>");
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace

std::vector<Segment> render_chat(ChatFamily family, const std::vector<Message>& messages,
                                 bool add_generation_prompt) {
  for (const Message& message : messages) check_role(message.role);
  Rendering out;
  switch (family) {
    case ChatFamily::plain:
      for (std::size_t i = 0; i < messages.size(); ++i) {
        if (i > 0) out.markup("\n\n");
        out.data(messages[i].content);
      }
      break;
    case ChatFamily::chatml:
      if (!messages.empty() && messages[0].role != "system")
        out.markup("<|im_start|>system\n" + std::string(kSmolLm2System) + "<|im_end|>\n");
      [[fallthrough]];
    case ChatFamily::chatml_plain:
      for (const Message& message : messages) render_chatml(out, message);
      if (add_generation_prompt) out.markup("<|im_start|>assistant\n");
      break;
    case ChatFamily::llama3:
      if (!messages.empty()) out.markup("<|begin_of_text|>");
      for (const Message& message : messages) render_llama3(out, message);
      if (add_generation_prompt) out.markup("<|start_header_id|>assistant<|end_header_id|>\n\n");
      break;
  }
  return std::move(out.segments);
}

ChatFamily chat_family_of(std::string_view chat_template) {
  if (chat_template.empty()) return ChatFamily::plain;
  // Tools, dates and other default prompts are what the known templates do not have.
  const bool more =
      has(chat_template, "tools") || has(chat_template, "date") || has(chat_template, "Date");
  if (!more && has(chat_template, "<|start_header_id|>") && has(chat_template, "<|eot_id|>"))
    return ChatFamily::llama3;
  if (!more && has(chat_template, "<|im_start|>") && has(chat_template, "<|im_end|>")) {
    if (has(chat_template, kSmolLm2System)) return ChatFamily::chatml;
    if (!has(chat_template, "You are")) return ChatFamily::chatml_plain;
  }
  const std::string shown(chat_template.substr(0, 120));
  fail("found chat template \"" + shown +
       "...\", expected that of Llama-3, SmolLM2 or plain ChatML, without tools, dates or another "
       "default system prompt");
}

ChatFamily chat_family(const std::filesystem::path& model_folder) {
  try {
    return chat_family_of(read_chat_template(model_folder));
  } catch (const Error& error) {
    fail(model_folder.string() + ": " + error.what());
  }
}

std::string text_of(const std::vector<Segment>& segments) {
  std::string text;
  for (const Segment& segment : segments) text += segment.text;
  return text;
}

std::vector<TokenId> encode_segments(const Tokenizer& tokenizer,
                                     const std::vector<Segment>& segments) {
  std::vector<TokenId> ids;
  std::string run;  // text since the last special token
  const auto encode_run = [&] {
    const auto encoded = tokenizer.encode(run, Specials::as_text);
    ids.insert(ids.end(), encoded.begin(), encoded.end());
    run.clear();
  };
  for (std::size_t i = 0; i < segments.size();) {
    std::string text;
    const SegmentKind kind = segments[i].kind;
    for (; i < segments.size() && segments[i].kind == kind; ++i) text += segments[i].text;
    std::size_t at = 0;
    if (kind == SegmentKind::markup)
      while (const auto found = tokenizer.find_special(text, at)) {
        run += text.substr(at, found->at - at);
        encode_run();
        ids.push_back(found->id);
        at = found->at + found->length;
      }
    run += text.substr(at);
  }
  encode_run();
  return ids;
}

}  // namespace tradeoff::text
