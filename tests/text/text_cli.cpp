// The text module by itself, for the comparisons with tiktoken, HF tokenizers and transformers:
//   text_cli tokenize TOKENIZER INPUT.jsonl OUTPUT.jsonl [--specials]
//   text_cli write TOKENIZER FOLDER                 tokenizer.json and tokenizer_config.json
//   text_cli chat MODEL_FOLDER INPUT.jsonl OUTPUT.jsonl
//     {"messages": [{"role", "content"}], "add_generation_prompt"} -> {"text", "ids"}
#include <cstdio>
#include <string>
#include <vector>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/text/chat.hpp"
#include "tradeoff/text/tokenize_file.hpp"

namespace tradeoff::text {
namespace {

void chat(const std::string& folder, const std::string& input, const std::string& output) {
  const Tokenizer tokenizer = load_tokenizer(folder);
  const ChatFamily family = chat_family(folder);
  AtomicFile file(output);
  for_each_json_line(input, [&](Json& row, std::size_t) {
    std::vector<Message> messages;
    for (const Json& message : row.at("messages"))
      messages.push_back(
          {field<std::string>(message, "role"), field<std::string>(message, "content")});
    const auto segments = render_chat(family, messages, field<bool>(row, "add_generation_prompt"));
    const Json done = {{"text", text_of(segments)}, {"ids", encode_segments(tokenizer, segments)}};
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
  else
    fail("text_cli tokenize|write|chat ...: the arguments stand at the head of text_cli.cpp");
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
