#include "tradeoff/text/vocabulary.hpp"

#include <algorithm>
#include <array>

#include "sentencepiece.hpp"
#include "token_table.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_size.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "vocabulary_files.hpp"

namespace tradeoff::text {

namespace fs = std::filesystem;

namespace {

Vocabulary read_json_vocabulary(const fs::path& path) {
  const JsonObject root = read_json_root(path);
  return is_tekken(root) ? read_tekken(path, root) : read_hf_tokenizer(path, root);
}

// The file of a folder that is read, of those that it may hold.
fs::path tokenizer_file_in(const fs::path& folder) {
  static constexpr std::array<const char*, 3> kNames = {"tokenizer.json", "tekken.json",
                                                        "tokenizer.model"};
  std::vector<const char*> found;
  for (const char* name : kNames)
    if (fs::exists(folder / name)) found.push_back(name);
  if (found.empty())
    fail(folder.string() +
         ": found none of tokenizer.json, tekken.json and tokenizer.model in this folder");
  if (found.size() > 1 && found[1] == kNames[1])
    log::info("{}: found tokenizer.json and tekken.json; tokenizer.json is read", folder.string());
  return folder / found[0];
}

}  // namespace

Vocabulary read_vocabulary(const fs::path& path) {
  if (fs::is_directory(path)) return read_vocabulary(tokenizer_file_in(path));
  const MappedFile file(path);
  const std::string_view text = file.text();
  if (text.starts_with("GGUF")) return read_gguf_vocabulary(path);
  check_size(file, kMostTokenizerMiB);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != text.npos && text[first] == '{') return read_json_vocabulary(path);
  // A protobuf whose first field, and whose first field's first field, have number 1: a piece.
  if (text.size() > 2 && text[0] == '\n' && text[2] == '\n') return read_sentencepiece(path);
  return read_llama3_ranks(path);
}

namespace {

long character_count(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

}  // namespace

std::vector<Merge> listed_merges(const Vocabulary& vocabulary) {
  if (vocabulary.merges) return *vocabulary.merges;
  std::vector<bool> added(vocabulary.tokens.size());
  for (const AddedToken& token : vocabulary.added) added[static_cast<std::size_t>(token.id)] = true;
  const std::vector<std::string>& spelled =
      vocabulary.spellings.empty() ? vocabulary.tokens : vocabulary.spellings;
  TokenTable table(spelled);
  const auto size = static_cast<TokenId>(vocabulary.tokens.size());
  for (TokenId id = 0; id < size; ++id)
    if (!added[static_cast<std::size_t>(id)]) table.add(id);
  std::vector<Merge> merges;
  for (TokenId id = 0; id < size; ++id) {
    if (added[static_cast<std::size_t>(id)]) continue;
    const std::string_view bytes = spelled[static_cast<std::size_t>(id)];
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
  // The order of HF's conversion of SentencePiece models.
  if (!vocabulary.scores.empty())
    std::stable_sort(merges.begin(), merges.end(), [&](const Merge& a, const Merge& b) {
      const auto score = [&](const Merge& m) {
        return vocabulary.scores[static_cast<std::size_t>(m.merged)];
      };
      const auto left = [&](const Merge& m) {
        return character_count(spelled[static_cast<std::size_t>(m.left)]);
      };
      return score(a) != score(b) ? score(a) > score(b) : left(a) > left(b);
    });
  return merges;
}

}  // namespace tradeoff::text
