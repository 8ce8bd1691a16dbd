#include <algorithm>
#include <unordered_map>

#include "byte_alphabet.hpp"
#include "hf_config.hpp"
#include "hf_parts.hpp"
#include "sentencepiece.hpp"
#include "tradeoff/base/error.hpp"
#include "vocabulary_files.hpp"

namespace tradeoff::text {
namespace {

using Object = JsonObject;
using Ids = std::unordered_map<std::string, TokenId>;

// The reader of one file: every error names it.
class HfTokenizerFile {
 public:
  HfTokenizerFile(const std::filesystem::path& path, const Object& root)
      : path_(path), root_(root) {}

  Vocabulary read() {
    const Object& model = object(root_, "model");
    expect_value(model, "type", "BPE");
    for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"})
      if (const Object& value = get(model, key); !value.is_null() && value != "" && value != 0)
        bad("model." + std::string(key) + ": found " + shown(value) + ", which is not supported");
    Vocabulary vocabulary;
    try {
      byte_level_ = read_hf_parts(root_, vocabulary);
    } catch (const Error& error) {
      bad(error.what());
    }
    if (byte_level_) expect_value(model, "byte_fallback", false);
    vocabulary.byte_fallback = get(model, "byte_fallback") == true;
    vocabulary.ignore_merges = get(model, "ignore_merges") == true;
    const Ids ids = read_ids(model);
    read_added(ids, vocabulary);
    read_tokens(ids, vocabulary);
    read_merges(model, ids, vocabulary);
    read_unknown(model, ids, vocabulary);
    return vocabulary;
  }

 private:
  [[noreturn]] void bad(const std::string& what) const { fail(path_.string() + ": " + what); }
  static std::string shown(const Object& value) { return shown_json(value); }
  static const Object& get(const Object& object, const char* key) { return json_at(object, key); }
  const Object& object(const Object& parent, const char* key) const {
    const Object& value = get(parent, key);
    if (!value.is_object()) bad("key \"" + std::string(key) + "\": expected an object");
    return value;
  }
  // A missing key or null stands for `expected`.
  void expect_value(const Object& parent, const char* key, const Object& expected) const {
    if (const Object& value = get(parent, key); !value.is_null() && value != expected)
      bad("key \"" + std::string(key) + "\": found " + shown(value) + ", expected " +
          shown(expected));
  }
  TokenId id_of(const Object& value, const std::string& what) const {
    // Room for every real vocabulary; read_tokens then demands that ids be dense.
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() >= (1u << 24))
      bad(what + ": found id " + shown(value) + ", expected 0 to 16777215");
    return value.get<TokenId>();
  }

  Ids read_ids(const Object& model) const {
    Ids ids;
    for (const auto& [spelling, id] : object(model, "vocab").items())
      ids.emplace(spelling, id_of(id, "vocab[" + shown(spelling) + "]"));
    return ids;
  }

  void read_added(const Ids& ids, Vocabulary& vocabulary) const {
    const Object& list = get(root_, "added_tokens");
    if (!list.is_array() && !list.is_null()) bad("added_tokens: expected an array");
    for (const Object& entry : list) {
      if (!get(entry, "content").is_string()) bad("added_tokens: found " + shown(entry));
      AddedToken token{id_of(get(entry, "id"), "added_tokens"), entry["content"],
                       get(entry, "special") == true};
      token.lstrip = get(entry, "lstrip") == true;
      token.rstrip = get(entry, "rstrip") == true;
      token.single_word = get(entry, "single_word") == true;
      token.normalized = get(entry, "normalized") == true;
      const std::string what = "added token " + shown(token.text);
      if (const auto found = ids.find(token.text); found != ids.end() && found->second != token.id)
        bad(what + " has id " + std::to_string(token.id) + ", but the vocabulary gives it " +
            std::to_string(found->second));
      vocabulary.added.push_back(std::move(token));
    }
    std::sort(vocabulary.added.begin(), vocabulary.added.end(),
              [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  }

  void read_tokens(const Ids& ids, Vocabulary& vocabulary) const {
    std::vector<const std::string*> spellings(ids.size() + vocabulary.added.size());
    std::size_t size = 0;
    const auto put = [&](const std::string& spelling, TokenId id) {
      const auto at = static_cast<std::size_t>(id);
      if (at >= spellings.size())
        bad("token " + shown(spelling) + " has id " + std::to_string(id) + ", but there are only " +
            std::to_string(spellings.size()) + " tokens: ids must be dense");
      if (spellings[at] && *spellings[at] != spelling)
        bad("tokens " + shown(*spellings[at]) + " and " + shown(spelling) + " both have id " +
            std::to_string(id));
      size += !spellings[at];
      spellings[at] = &spelling;
    };
    for (const auto& [spelling, id] : ids) put(spelling, id);
    for (const AddedToken& token : vocabulary.added) put(token.text, token.id);
    for (std::size_t id = 0; id < size; ++id) {
      if (!spellings[id]) bad("no token has id " + std::to_string(id) + ": ids must be dense");
      const std::string& spelling = *spellings[id];
      if (byte_level_) {
        vocabulary.tokens.push_back(unspell_bytes(spelling).value_or(spelling));
      } else {
        vocabulary.tokens.push_back(unspell_piece(spelling, vocabulary.byte_fallback));
        vocabulary.spellings.push_back(spelling);
      }
    }
    for (const AddedToken& token : vocabulary.added)
      vocabulary.tokens[static_cast<std::size_t>(token.id)] = token.text;
  }

  void read_merges(const Object& model, const Ids& ids, Vocabulary& vocabulary) const {
    const Object& list = get(model, "merges");
    if (!list.is_array()) bad("model.merges: expected an array");
    vocabulary.merges.emplace();
    vocabulary.merges->reserve(list.size());
    for (const Object& entry : list) {
      std::string left, right;
      // "a b", or since tokenizers 0.20 ["a", "b"].
      if (entry.is_string()) {
        const auto& text = entry.get_ref<const std::string&>();
        const std::size_t space = text.find(' ');
        if (space != text.npos) left = text.substr(0, space), right = text.substr(space + 1);
      } else if (entry.is_array() && entry.size() == 2 && entry[0].is_string() &&
                 entry[1].is_string()) {
        left = entry[0], right = entry[1];
      }
      const auto a = ids.find(left), b = ids.find(right), joined = ids.find(left + right);
      if (a == ids.end() || b == ids.end() || joined == ids.end())
        bad("model.merges[" + std::to_string(vocabulary.merges->size()) + "]: found " +
            shown(entry) + ", expected two tokens whose joined text is a token");
      vocabulary.merges->push_back({a->second, b->second, joined->second});
    }
  }

  void read_unknown(const Object& model, const Ids& ids, Vocabulary& vocabulary) const {
    const Object& name = get(model, "unk_token");
    if (name.is_null()) return;
    const auto found = name.is_string() ? ids.find(name.get<std::string>()) : ids.end();
    if (found == ids.end())
      bad("model.unk_token: found " + shown(name) + ", expected a token of the vocabulary");
    vocabulary.missing_byte = found->second;
    vocabulary.fuse_missing = get(model, "fuse_unk") == true;
  }

  const std::filesystem::path& path_;
  bool byte_level_ = true;  // else SentencePiece
  const Object& root_;
};

}  // namespace

Vocabulary read_hf_tokenizer(const std::filesystem::path& path, const JsonObject& root) {
  HfTokenizerFile file(path, root);
  Vocabulary vocabulary = file.read();
  read_hf_config(path.parent_path(), vocabulary);
  return vocabulary;
}

}  // namespace tradeoff::text
