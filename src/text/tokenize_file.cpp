#include "tradeoff/text/tokenize_file.hpp"

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff::text {

TokenizeCounts tokenize_file(const TokenizeOptions& options) {
  const Tokenizer tokenizer = load_tokenizer(options.tokenizer);
  AtomicFile output(options.output);
  TokenizeCounts counts;
  std::string line;
  for_each_json_line(options.input, [&](Json& row, std::size_t) {
    const auto text = field<std::string>(row, "text");
    const std::vector<TokenId> ids = tokenizer.encode(text, options.specials);
    line = "{\"ids\":[";
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (i > 0) line += ',';
      line += std::to_string(ids[i]);
    }
    output.write(line + "]}\n");
    ++counts.texts;
    counts.bytes += text.size();
    counts.tokens += ids.size();
  });
  if (counts.texts == 0) fail(options.input.string() + ": no texts, expected a JSON object a line");
  output.commit();
  return counts;
}

}  // namespace tradeoff::text
