#include "tradeoff/text/tokenizer.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <unordered_map>

#include "bpe.hpp"
#include "piece_memo.hpp"
#include "splitter.hpp"
#include "token_table.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"

namespace tradeoff::text {
namespace {

void check_ids(const Vocabulary& vocabulary) {
  const auto inside = [&](TokenId id, const char* what) {
    if (id < 0 || static_cast<std::size_t>(id) >= vocabulary.tokens.size())
      fail(std::string(what) + ": found token id " + std::to_string(id) + ", expected 0 to " +
           std::to_string(static_cast<long>(vocabulary.tokens.size()) - 1));
  };
  for (const AddedToken& token : vocabulary.added) {
    inside(token.id, "added token");
    if (token.text.empty()) fail("added token " + std::to_string(token.id) + " has no text");
  }
  if (vocabulary.merges)
    for (const Merge& merge : *vocabulary.merges)
      for (const TokenId id : {merge.left, merge.right, merge.merged}) inside(id, "merge");
  for (const auto& id : {vocabulary.bos, vocabulary.pad, vocabulary.unk, vocabulary.missing_byte})
    if (id) inside(*id, "bos, pad or unk");
  for (const TokenId id : vocabulary.eos) inside(id, "eos");
}

}  // namespace

struct Tokenizer::State {
  explicit State(Vocabulary given)
      : vocabulary(std::move(given)), pieces(vocabulary.tokens), bpe(build_bpe(vocabulary)) {
    special.resize(vocabulary.tokens.size());
    for (const AddedToken& token : vocabulary.added) {
      special[static_cast<std::size_t>(token.id)] = token.special;
      added.emplace(token.text, &token);
      lengths.insert(token.text.size());
      begins[static_cast<std::uint8_t>(token.text[0])] = true;
      any_plain |= !token.special;
    }
    bytes.fill(-1);
    for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
      const std::string& token = vocabulary.tokens[id];
      if (special[id]) continue;
      pieces.add(static_cast<TokenId>(id));
      if (token.size() == 1) bytes[static_cast<std::uint8_t>(token[0])] = static_cast<TokenId>(id);
    }
  }

  static Bpe build_bpe(const Vocabulary& vocabulary) {
    const std::vector<Merge> merges = listed_merges(vocabulary);
    Bpe bpe(merges.size());
    std::uint32_t place = 0;
    for (const Merge& merge : merges) {
      const auto id = static_cast<std::uint32_t>(merge.merged);
      bpe.add(merge, vocabulary.merges ? place++ : id);
    }
    return bpe;
  }

  // The first added token at or after `from`, special or not as asked; the longest where several
  // begin.
  std::optional<Found> find_added(std::string_view text, std::size_t from, bool specials) const {
    for (std::size_t at = from; at < text.size(); ++at) {
      if (!begins[static_cast<std::uint8_t>(text[at])]) continue;
      for (auto length = lengths.rbegin(); length != lengths.rend(); ++length) {
        if (*length > text.size() - at) continue;
        const auto found = added.find(text.substr(at, *length));
        if (found != added.end() && (specials || !found->second->special))
          return Found{at, *length, found->second->id};
      }
    }
    return std::nullopt;
  }

  void encode_long_piece(std::string_view piece, std::vector<TokenId>& ids) const {
    if (vocabulary.ignore_merges)
      if (const TokenId whole = pieces.find(piece); whole >= 0) {
        ids.push_back(whole);
        return;
      }
    std::vector<TokenId> merged;
    merged.reserve(piece.size());
    bool after_missing = false;
    for (const char byte : piece) {
      const TokenId id = bytes[static_cast<std::uint8_t>(byte)];
      if (id >= 0)
        merged.push_back(id);
      else if (vocabulary.missing_byte && !(after_missing && vocabulary.fuse_missing))
        merged.push_back(*vocabulary.missing_byte);
      after_missing = id < 0;
    }
    bpe.merge(merged);
    ids.insert(ids.end(), merged.begin(), merged.end());
  }

  template <PreTokenizer kind>
  void encode_pieces(std::string_view text, PieceMemo* memo, std::vector<TokenId>& ids) const {
    const Splitter<kind> splitter(text);
    for (std::size_t at = 0, end; at < text.size(); at = end) {
      end = splitter.piece_end(at);
      const std::string_view piece = text.substr(at, end - at);
      if (!memo || piece.size() > PieceMemo::kLongestPiece) {
        encode_long_piece(piece, ids);
        continue;
      }
      const PieceMemo::Key key = PieceMemo::key_of(piece, text.size() - at);
      if (const PieceMemo::Slot* slot = memo->find(key)) {
        if (slot->count == 1)
          ids.push_back(slot->ids[0]);
        else
          ids.insert(ids.end(), slot->ids.data(), slot->ids.data() + slot->count);
      } else {
        const std::size_t before = ids.size();
        encode_long_piece(piece, ids);
        memo->store(key, std::span(ids).subspan(before));
      }
    }
  }

  void encode_run(std::string_view text, PieceMemo* memo, std::vector<TokenId>& ids) const {
    switch (vocabulary.pre_tokenizer) {
      case PreTokenizer::llama3:
        return encode_pieces<PreTokenizer::llama3>(text, memo, ids);
      case PreTokenizer::gpt2:
        return encode_pieces<PreTokenizer::gpt2>(text, memo, ids);
      case PreTokenizer::digits_gpt2:
        return encode_pieces<PreTokenizer::digits_gpt2>(text, memo, ids);
    }
  }

  Vocabulary vocabulary;
  TokenTable pieces;  // the tokens that text can become
  Bpe bpe;
  std::array<TokenId, 256> bytes;  // -1: the vocabulary lacks the byte
  std::vector<bool> special;       // by id
  std::unordered_map<std::string_view, const AddedToken*> added;
  std::set<std::size_t> lengths;   // of the added tokens
  std::array<bool, 256> begins{};  // an added token has this first byte
  bool any_plain = false;          // an added token is not special
  mutable std::mutex memo_mutex;
  mutable PieceMemo shared_memo;
};

Tokenizer::Tokenizer(Vocabulary vocabulary) {
  check_ids(vocabulary);
  state_ = std::make_unique<State>(std::move(vocabulary));
}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

std::vector<TokenId> Tokenizer::encode(std::string_view text, Specials specials) const {
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 3 + 4);
  // The memo is for whoever comes first; another thread meanwhile does without.
  const std::unique_lock lock(state_->memo_mutex, std::try_to_lock);
  PieceMemo* memo = lock ? &state_->shared_memo : nullptr;
  const bool parse = specials == Specials::parse;
  std::size_t at = 0;
  if (parse || state_->any_plain)
    while (const auto found = state_->find_added(text, at, parse)) {
      state_->encode_run(text.substr(at, found->at - at), memo, ids);
      ids.push_back(found->id);
      at = found->at + found->length;
    }
  state_->encode_run(text.substr(at), memo, ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, SpecialsShown shown) const {
  std::string text;
  for (const TokenId id : ids) {
    const std::string_view bytes = token_bytes(id);
    if (shown == SpecialsShown::keep || !is_special(id)) text += bytes;
  }
  return text;
}

std::string_view Tokenizer::token_bytes(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= vocab_size())
    fail("token id " + std::to_string(id) + ", expected 0 to " + std::to_string(vocab_size() - 1));
  return vocabulary().tokens[static_cast<std::size_t>(id)];
}

std::optional<Tokenizer::Found> Tokenizer::find_special(std::string_view text,
                                                        std::size_t from) const {
  auto found = state_->find_added(text, from, true);
  while (found && !is_special(found->id))
    found = state_->find_added(text, found->at + found->length, true);
  return found;
}

std::optional<TokenId> Tokenizer::special_id(std::string_view text) const {
  const auto found = state_->added.find(text);
  if (found == state_->added.end() || !found->second->special) return std::nullopt;
  return found->second->id;
}

bool Tokenizer::is_special(TokenId id) const {
  return id >= 0 && static_cast<std::size_t>(id) < vocab_size() &&
         state_->special[static_cast<std::size_t>(id)];
}

std::size_t Tokenizer::vocab_size() const {
  return vocabulary().tokens.size();
}
const Vocabulary& Tokenizer::vocabulary() const {
  return state_->vocabulary;
}

std::string Tokenizer::content_hash() const {
  Sha256 hash;
  const auto feed = [&](std::string_view text) {
    hash.update(std::to_string(text.size()) + ":");
    hash.update(text);
  };
  const Vocabulary& all = vocabulary();
  feed(std::to_string(static_cast<int>(all.pre_tokenizer)) + (all.ignore_merges ? "i" : "m") +
       (all.merges ? "listed" : "ranked") + std::to_string(all.missing_byte.value_or(-1)) +
       (all.fuse_missing ? "f" : "e"));
  for (const std::string& token : all.tokens) feed(token);
  for (const AddedToken& token : all.added)
    feed(std::to_string(token.id) + (token.special ? "s" : "p") + token.text);
  if (all.merges)
    for (const Merge& merge : *all.merges)
      feed(std::to_string(merge.left) + " " + std::to_string(merge.right));
  return hash.finish();
}

Tokenizer load_tokenizer(const std::filesystem::path& path) {
  Vocabulary vocabulary = read_vocabulary(path);
  try {
    return Tokenizer(std::move(vocabulary));
  } catch (const Error& error) {
    fail(path.string() + ": " + error.what());
  }
}

}  // namespace tradeoff::text
