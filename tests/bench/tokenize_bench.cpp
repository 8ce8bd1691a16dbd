// tokenize_bench TOKENIZER TEXTS.jsonl REPEATS IDS.jsonl
// Reads the texts, writes their ids, then prints a JSON object: seconds of encode alone over all
// texts, in memory, on one thread: "first" with an empty memo, "repeats" after it.
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tradeoff/base/json.hpp"
#include "tradeoff/base/progress.hpp"
#include "tradeoff/text/tokenizer.hpp"

int main(int count, char** words) {
  using namespace tradeoff;
  if (count != 5) {
    std::fprintf(stderr, "tokenize_bench TOKENIZER TEXTS.jsonl REPEATS IDS.jsonl\n");
    return 1;
  }
  try {
    const Stopwatch loading;
    const text::Tokenizer tokenizer = text::load_tokenizer(words[1]);
    const double load_s = loading.seconds();
    std::vector<std::string> texts;
    for_each_json_line(words[2], [&](Json& row, std::size_t) {
      texts.push_back(field<std::string>(row, "text"));
    });
    std::uint64_t tokens = 0;
    const auto pass = [&] {
      const Stopwatch clock;
      tokens = 0;
      for (const std::string& each : texts)
        tokens += tokenizer.encode(each, text::Specials::as_text).size();
      return clock.seconds();
    };
    const double first = pass();
    Json repeats = Json::array();
    for (int i = 0; i < std::atoi(words[3]); ++i) repeats.push_back(pass());

    std::ofstream ids(words[4]);
    for (const std::string& each : texts)
      ids << Json(tokenizer.encode(each, text::Specials::as_text)).dump() << '\n';
    ids.close();
    check(static_cast<bool>(ids), std::string("write ") + words[4]);
    std::printf("%s\n", to_line({{"load_s", load_s},
                                 {"tokens", tokens},
                                 {"first", first},
                                 {"repeats", std::move(repeats)}})
                            .c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tokenize_bench: %s\n", error.what());
    return 1;
  }
}
