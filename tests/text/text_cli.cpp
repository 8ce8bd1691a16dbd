// The text module by itself, for the comparisons with tiktoken, HF tokenizers and transformers:
//   text_cli tokenize TOKENIZER INPUT.jsonl OUTPUT.jsonl [--specials]
//   text_cli write TOKENIZER FOLDER                 tokenizer.json and tokenizer_config.json
//   text_cli chat MODEL_FOLDER INPUT.jsonl OUTPUT.jsonl
//   text_cli templates INPUT.jsonl OUTPUT.jsonl
//   of chat:
//     {"messages": [{"role", "content"}], "add_generation_prompt"} -> {"text", "ids"}
#include <cstdio>
#include <string>
#include <vector>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/text/chat_template.hpp"
#include "tradeoff/text/tokenize_file.hpp"

namespace tradeoff::text {
namespace {

void chat(const std::string& folder, const std::string& input, const std::string& output) {
  const Tokenizer tokenizer = load_tokenizer(folder);
  const ChatTemplate chat_template = load_chat_template(folder);
  AtomicFile file(output);
  for_each_json_line(input, [&](Json& row, std::size_t) {
    std::vector<Message> messages;
    for (const Json& message : row.at("messages"))
      messages.push_back(
          {field<std::string>(message, "role"), field<std::string>(message, "content")});
    const auto segments = chat_template.render(messages, field<bool>(row, "add_generation_prompt"));
    const Json done = {{"text", text_of(segments)}, {"ids", encode_segments(tokenizer, segments)}};
    file.write(to_line(done) + "\n");
  });
  file.commit();
}

// Many templates, one a line:
// {"template", "messages", "add_generation_prompt", "thinking", "date"} -> {"text"} or {"error"}.
void templates(const std::string& input, const std::string& output) {
  AtomicFile file(output);
  for_each_json_line(input, [&](Json& row, std::size_t) {
    std::vector<Message> messages;
    for (const Json& message : row.at("messages"))
      messages.push_back(
          {field<std::string>(message, "role"), field<std::string>(message, "content")});
    Json done;
    try {
      const ChatTemplate made("t", field<std::string>(row, "template"),
                              {.template_date = field<std::string>(row, "date"),
                               .enable_thinking = field<bool>(row, "thinking")},
                              {{"bos_token", "<s>"}, {"eos_token", "</s>"}});
      done["text"] = text_of(made.render(messages, field<bool>(row, "add_generation_prompt")));
    } catch (const Error& error) {
      done["error"] = error.what();
    }
    file.write(to_line(done) + "\n");
  });
  file.commit();
}

void run(const std::vector<std::string>& words) {
  const std::string mode = words.empty() ? "" : words[0];
  const bool specials = words.size() == 5 && words[4] == "--specials";
  if (mode == "tokenize" && (words.size() == 4 || specials))
    tokenize_file({words[1], words[2], words[3], specials ? Specials::parse : Specials::as_text});
  else if (mode == "write" && words.size() == 3)
    write_hf_tokenizer(read_vocabulary(words[1]), words[2]);
  else if (mode == "chat" && words.size() == 4)
    chat(words[1], words[2], words[3]);
  else if (mode == "templates" && words.size() == 3)
    templates(words[1], words[2]);
  else
    fail(
        "text_cli tokenize|write|chat|templates ...: the arguments stand at the head of "
        "text_cli.cpp");
}

}  // namespace
}  // namespace tradeoff::text

int main(int count, char** words) {
  try {
    tradeoff::text::run({words + 1, words + count});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "text_cli: %s\n", error.what());
    return 1;
  }
}
