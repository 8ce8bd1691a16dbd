#include "tradeoff/text/vocabulary.hpp"

#include <algorithm>

#include "token_table.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "vocabulary_files.hpp"

namespace tradeoff::text {

namespace fs = std::filesystem;

Vocabulary read_vocabulary(const fs::path& path) {
  if (fs::is_directory(path)) {
    if (fs::exists(path / "tokenizer.json")) return read_hf_tokenizer(path / "tokenizer.json");
    if (fs::exists(path / "tokenizer.model")) return read_llama3_ranks(path / "tokenizer.model");
    fail(path.string() + ": found neither tokenizer.json nor tokenizer.model in this folder");
  }
  const MappedFile file(path);
  const std::string_view text = file.text();
  if (text.starts_with("GGUF")) return read_gguf_vocabulary(path);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != text.npos && text[first] == '{') return read_hf_tokenizer(path);
  return read_llama3_ranks(path);
}

std::vector<Merge> listed_merges(const Vocabulary& vocabulary) {
  if (vocabulary.merges) return *vocabulary.merges;
  std::vector<bool> added(vocabulary.tokens.size());
  for (const AddedToken& token : vocabulary.added) added[static_cast<std::size_t>(token.id)] = true;
  TokenTable table(vocabulary.tokens);
  const auto size = static_cast<TokenId>(vocabulary.tokens.size());
  for (TokenId id = 0; id < size; ++id)
    if (!added[static_cast<std::size_t>(id)]) table.add(id);
  std::vector<Merge> merges;
  for (TokenId id = 0; id < size; ++id) {
    if (added[static_cast<std::size_t>(id)]) continue;
    const std::string_view bytes = vocabulary.tokens[static_cast<std::size_t>(id)];
    const std::size_t before = merges.size();
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      const TokenId left = table.find(bytes.substr(0, cut));
      if (left < 0) continue;
      const TokenId right = table.find(bytes.substr(cut));
      if (right >= 0) merges.push_back({left, right, id});
    }
    std::sort(merges.begin() + static_cast<std::ptrdiff_t>(before), merges.end(),
              [](const Merge& a, const Merge& b) {
                return a.left != b.left ? a.left < b.left : a.right < b.right;
              });
  }
  return merges;
}

}  // namespace tradeoff::text
