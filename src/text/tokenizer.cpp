#include "tradeoff/text/tokenizer.hpp"

#include <algorithm>
#include <array>
#include <mutex>

#include "added_tokens.hpp"
#include "bpe.hpp"
#include "piece_memo.hpp"
#include "splitter.hpp"
#include "text_steps.hpp"
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
  for (const std::size_t size : {vocabulary.spellings.size(), vocabulary.scores.size()})
    if (size != 0 && size != vocabulary.tokens.size())
      fail("found spellings or scores of " + std::to_string(size) + " tokens, expected " +
           std::to_string(vocabulary.tokens.size()));
  for (const auto& id : {vocabulary.bos, vocabulary.pad, vocabulary.unk, vocabulary.missing_byte})
    if (id) inside(*id, "bos, pad or unk");
  for (const TokenId id : vocabulary.eos) inside(id, "eos");
}

bool is_byte_token(std::string_view spelling) {
  return spelling.size() == 6 && spelling.starts_with("<0x") && spelling.ends_with('>');
}

using Markup = Tokenizer::Markup;

// The first range that ends behind `at`.
auto range_at(std::span<const Markup> markup, std::size_t at) {
  return std::ranges::upper_bound(markup, at, {}, &Markup::end);
}
bool lies_in(std::span<const Markup> markup, std::size_t at, std::size_t end) {
  const auto range = range_at(markup, at);
  return range != markup.end() && range->begin <= at && end <= range->end;
}
// Where the part that begins at `at` ends, at most at `end`, and whether it is markup.
std::pair<std::size_t, bool> part_at(std::span<const Markup> markup, std::size_t at,
                                     std::size_t end) {
  const auto range = range_at(markup, at);
  if (range == markup.end()) return {end, false};
  const bool inside = range->begin <= at;
  return {std::min(end, inside ? range->end : range->begin), inside};
}

}  // namespace

struct Tokenizer::State {
  explicit State(Vocabulary given)
      : vocabulary(std::move(given)),
        raw_added(vocabulary.added, false, {}),
        normalized_added(vocabulary.added, true, vocabulary.normalizer),
        pieces(spelled()),
        special(special_ids()),
        bpe(build_bpe()) {
    bytes.fill(-1);
    const bool characters = !vocabulary.spellings.empty();
    for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
      if (special[id]) continue;
      pieces.add(static_cast<TokenId>(id));
      const std::string& token = vocabulary.tokens[id];
      if (token.size() != 1) continue;
      const auto byte = static_cast<std::uint8_t>(token[0]);
      if (!characters || is_byte_token(spelled()[id])) bytes[byte] = static_cast<TokenId>(id);
    }
  }

  // What text is matched with.
  const std::vector<std::string>& spelled() const {
    return vocabulary.spellings.empty() ? vocabulary.tokens : vocabulary.spellings;
  }

  std::vector<bool> special_ids() const {
    std::vector<bool> found(vocabulary.tokens.size());
    for (const AddedToken& token : vocabulary.added)
      found[static_cast<std::size_t>(token.id)] = token.special;
    return found;
  }

  Bpe build_bpe() {
    const std::vector<Merge> merges = listed_merges(vocabulary);
    Bpe table(merges.size());
    std::uint32_t place = 0;
    for (std::size_t i = 0; i < merges.size(); ++i) {
      const Merge& merge = merges[i];
      const auto id = static_cast<std::uint32_t>(merge.merged);
      if (vocabulary.merges)
        place = static_cast<std::uint32_t>(i);
      else if (vocabulary.scores.empty())
        place = id;
      else if (i > 0 && score(merge) != score(merges[i - 1]))
        ++place;  // pairs of one score merge from left to right, as in SentencePiece
      // Text must not become a control token, even where a vocabulary has learned to spell it.
      if (special[id]) continue;
      table.add(merge, place);
      const std::string& left = spelled()[static_cast<std::size_t>(merge.left)];
      const std::string& right = spelled()[static_cast<std::size_t>(merge.right)];
      if (right.starts_with(kSpaceMark) && !left.empty() && !left.ends_with(kSpaceMark))
        joins_mark[static_cast<std::uint8_t>(left.back())] = true;
    }
    return table;
  }
  float score(const Merge& merge) const {
    return vocabulary.scores[static_cast<std::size_t>(merge.merged)];
  }

  void add_missing(bool after_missing, std::vector<TokenId>& ids) const {
    if (vocabulary.missing_byte && !(after_missing && vocabulary.fuse_missing))
      ids.push_back(*vocabulary.missing_byte);
  }

  // The tokens of a piece before merging.
  void add_bytes(std::string_view piece, std::vector<TokenId>& ids) const {
    bool after_missing = false;
    for (const char byte : piece) {
      const TokenId id = bytes[static_cast<std::uint8_t>(byte)];
      if (id >= 0)
        ids.push_back(id);
      else
        add_missing(after_missing, ids);
      after_missing = id < 0;
    }
  }
  void add_characters(std::string_view piece, std::vector<TokenId>& ids) const {
    bool after_missing = false;
    for (std::size_t at = 0, length; at < piece.size(); at += length) {
      length = point_at(piece, at).bytes;
      const std::string_view character = piece.substr(at, length);
      const TokenId id = pieces.find(character);
      const auto has_token = [&](char byte) { return bytes[static_cast<std::uint8_t>(byte)] >= 0; };
      const bool fallback = id < 0 && vocabulary.byte_fallback &&
                            std::all_of(character.begin(), character.end(), has_token);
      if (id >= 0)
        ids.push_back(id);
      else if (fallback)
        add_bytes(character, ids);
      else
        add_missing(after_missing, ids);
      after_missing = id < 0 && !fallback;
    }
  }

  void encode_long_piece(std::string_view piece, std::vector<TokenId>& ids) const {
    if (vocabulary.ignore_merges)
      if (const TokenId whole = pieces.find(piece); whole >= 0) {
        ids.push_back(whole);
        return;
      }
    std::vector<TokenId> merged;
    merged.reserve(piece.size());
    if (vocabulary.spellings.empty())
      add_bytes(piece, merged);
    else
      add_characters(piece, merged);
    bpe.merge(merged);
    ids.insert(ids.end(), merged.begin(), merged.end());
  }

  void encode_piece(std::string_view piece, std::size_t readable, PieceMemo* memo,
                    std::vector<TokenId>& ids) const {
    if (!memo || piece.size() > PieceMemo::kLongestPiece) return encode_long_piece(piece, ids);
    const PieceMemo::Key key = PieceMemo::key_of(piece, readable);
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

  template <PreTokenizer kind>
  void encode_pieces(std::string_view text, PieceMemo* memo, std::vector<TokenId>& ids) const {
    const Splitter<kind> splitter(text);
    for (std::size_t at = 0, end; at < text.size(); at = end) {
      end = splitter.piece_end(at);
      encode_piece(text.substr(at, end - at), text.size() - at, memo, ids);
    }
  }

  // Text that no regex cuts: a cut before a space mark that no merge reaches across changes nothing
  // and makes the pieces short.
  void encode_whole(std::string_view text, PieceMemo* memo, std::vector<TokenId>& ids) const {
    // With ignore_merges the piece is looked up as a whole; with fuse_missing it may end in a
    // missing character that fuses with the next one, but a space mark is not that one.
    if (vocabulary.ignore_merges || pieces.find(kSpaceMark) < 0)
      return encode_long_piece(text, ids);
    for (std::size_t at = 0, from = 0; at < text.size();) {
      std::size_t end = std::min(text.find(kSpaceMark, from + 1), text.size());
      from = end;
      if (end < text.size() && (joins_mark[static_cast<std::uint8_t>(text[end - 1])] ||
                                text.substr(0, end).ends_with(kSpaceMark)))
        continue;
      encode_piece(text.substr(at, end - at), text.size() - at, memo, ids);
      at = end;
    }
  }

  void encode_run(std::string_view text, PieceMemo* memo, std::vector<TokenId>& ids) const {
    switch (vocabulary.pre_tokenizer) {
      case PreTokenizer::llama3:
        return encode_pieces<PreTokenizer::llama3>(text, memo, ids);
      case PreTokenizer::qwen2:
        return encode_pieces<PreTokenizer::qwen2>(text, memo, ids);
      case PreTokenizer::gpt2:
        return encode_pieces<PreTokenizer::gpt2>(text, memo, ids);
      case PreTokenizer::digits_gpt2:
        return encode_pieces<PreTokenizer::digits_gpt2>(text, memo, ids);
      case PreTokenizer::tekken:
        return encode_pieces<PreTokenizer::tekken>(text, memo, ids);
      case PreTokenizer::o200k:
        return encode_pieces<PreTokenizer::o200k>(text, memo, ids);
      case PreTokenizer::spaces:
        return encode_pieces<PreTokenizer::spaces>(text, memo, ids);
      case PreTokenizer::whole:
        return encode_whole(text, memo, ids);
    }
  }

  // Text between added tokens of the raw kind; `first`: the input begins with it.
  void encode_stretch(std::string_view text, bool first, bool parse, PieceMemo* memo,
                      std::vector<TokenId>& ids) const {
    std::string normalized_room, cut_room;
    const std::string_view normalized =
        apply_steps(vocabulary.normalizer, text, first, normalized_room);
    normalized_added.split(
        normalized, parse, [&](std::size_t, std::size_t) { return parse; },
        [&](std::size_t at, std::size_t end) {
          const std::string_view run = apply_steps(
              vocabulary.before_cut, normalized.substr(at, end - at), first && at == 0, cut_room);
          encode_run(run, memo, ids);
        },
        [&](TokenId id) { ids.push_back(id); });
  }

  // Text between added tokens of the raw kind. Where special tokens of the normalized kind may
  // stand in part of it alone, the parts are encoded apart: normalizing moves their borders.
  void encode_between(std::string_view text, std::size_t at, std::size_t end,
                      std::span<const Markup> markup, PieceMemo* memo,
                      std::vector<TokenId>& ids) const {
    if (!normalized_added.has_special())
      return encode_stretch(text.substr(at, end - at), at == 0, false, memo, ids);
    for (std::size_t next; at < end; at = next) {
      const auto [border, parse] = part_at(markup, at, end);
      next = border;
      encode_stretch(text.substr(at, next - at), at == 0, parse, memo, ids);
    }
  }

  Vocabulary vocabulary;
  AddedTokens raw_added, normalized_added;
  // A token that ends in this byte, not in a space mark, merges with one that begins with the mark.
  std::array<bool, 256> joins_mark{};
  TokenTable pieces;          // the tokens that text can become
  std::vector<bool> special;  // by id
  Bpe bpe;
  std::array<TokenId, 256> bytes;  // -1: the vocabulary lacks the byte
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
  const Markup all{0, text.size()};
  return encode(text, std::span(&all, specials == Specials::parse ? 1 : 0));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text,
                                       std::span<const Markup> markup) const {
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 3 + 4);
  // The memo is for whoever comes first; another thread meanwhile does without.
  const std::unique_lock lock(state_->memo_mutex, std::try_to_lock);
  PieceMemo* memo = lock ? &state_->shared_memo : nullptr;
  state_->raw_added.split(
      text, !markup.empty(),
      [&](std::size_t at, std::size_t length) { return lies_in(markup, at, at + length); },
      [&](std::size_t at, std::size_t end) {
        state_->encode_between(text, at, end, markup, memo, ids);
      },
      [&](TokenId id) { ids.push_back(id); });
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, SpecialsShown shown) const {
  std::string text;
  for (const TokenId id : ids) {
    const std::string_view bytes = token_bytes(id);
    if (shown == SpecialsShown::keep || !is_special(id)) text += bytes;
  }
  if (vocabulary().decode_drops_space && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

std::string_view Tokenizer::token_bytes(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= vocab_size())
    fail("token id " + std::to_string(id) + ", expected 0 to " + std::to_string(vocab_size() - 1));
  return vocabulary().tokens[static_cast<std::size_t>(id)];
}

std::optional<Tokenizer::Found> Tokenizer::find_special(std::string_view text,
                                                        std::size_t from) const {
  const auto first_of = [&](const AddedTokens& tokens) {
    const auto all = [](std::size_t, std::size_t) { return true; };
    auto found = tokens.find(text, from, all);
    while (found && !is_special(found->id))
      found = tokens.find(text, found->at + found->length, all);
    return found;
  };
  const auto raw = first_of(state_->raw_added), other = first_of(state_->normalized_added);
  return !raw || (other && other->at < raw->at) ? other : raw;
}

std::optional<TokenId> Tokenizer::special_id(std::string_view text) const {
  for (const AddedToken& token : vocabulary().added)
    if (token.special && token.text == text) return token.id;
  return std::nullopt;
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
    feed(std::to_string(token.id) + (token.special ? "s" : "p") + token.text +
         (token.lstrip ? "\nl" : "") + (token.rstrip ? "\nr" : "") +
         (token.single_word ? "\nw" : "") + (token.normalized ? "\nn" : ""));
  // What vocabularies without these parts do not have leaves their hash alone.
  if (all.byte_fallback) feed("byte_fallback");
  for (const std::string& spelling : all.spellings) feed(spelling);
  for (const float score : all.scores) feed(std::to_string(score));
  for (const auto* steps : {&all.normalizer, &all.before_cut})
    for (const TextStep& step : *steps)
      feed((steps == &all.normalizer ? "normalizer " : "before_cut ") +
           std::to_string(static_cast<int>(step.kind)) + step.from + "\n" + step.to);
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
