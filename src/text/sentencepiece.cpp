#include "sentencepiece.hpp"

#include <charconv>
#include <cmath>
#include <cstring>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff::text {
namespace {

using Kind = TextStep::Kind;

// Walks the fields of a protobuf message (protobuf.dev, "Encoding").
class Fields {
 public:
  Fields(std::string_view bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  bool next() {
    if (at_ == bytes_.size()) return false;
    const std::uint64_t key = varint();
    number = key >> 3;
    const std::uint64_t wire = key & 7;
    if (wire == 0) {
      value = varint();
    } else if (wire == 1 || wire == 5) {
      text = take(wire == 1 ? 8 : 4);
    } else if (wire == 2) {
      text = take(varint());
    } else {
      bad();
    }
    return true;
  }

  std::uint64_t number = 0, value = 0;
  std::string_view text;

 private:
  [[noreturn]] void bad() const {
    fail(file_ + ": expected a SentencePiece model, whose protobuf ends or breaks at byte " +
         std::to_string(at_) + " of a message");
  }
  std::uint64_t varint() {
    std::uint64_t result = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == bytes_.size()) bad();
      const auto byte = static_cast<std::uint8_t>(bytes_[at_++]);
      result |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return result;
    }
    bad();
  }
  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size() - at_) bad();
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }

  std::string_view bytes_;
  const std::string& file_;
  std::size_t at_ = 0;
};

Piece read_piece(std::string_view bytes, const std::string& file) {
  Piece piece;
  for (Fields field(bytes, file); field.next();) {
    if (field.number == 1) piece.text = std::string(field.text);
    if (field.number == 2 && field.text.size() == 4)
      std::memcpy(&piece.score, field.text.data(), 4);
    if (!std::isfinite(piece.score)) fail(file + ": found a piece whose score is no finite number");
    if (field.number == 3) piece.type = static_cast<std::int64_t>(field.value);
  }
  return piece;
}

PieceRules read_rules(std::string_view bytes, const std::string& file) {
  PieceRules rules{.dummy_prefix = true, .removes_spaces = true};  // the format's defaults
  for (Fields field(bytes, file); field.next();) {
    if (field.number == 2 && !field.text.empty())
      fail(file + ": normalizer_spec.precompiled_charsmap: found " +
           std::to_string(field.text.size()) + " bytes, expected none (identity)");
    if (field.number == 3) rules.dummy_prefix = field.value != 0;
    if (field.number == 4) rules.removes_spaces = field.value != 0;
    if (field.number == 5 && field.value == 0)
      fail(file + ": normalizer_spec.escape_whitespaces: found false, expected true");
  }
  return rules;
}

void check_trainer(std::string_view bytes, const std::string& file) {
  std::uint64_t type = 1;
  for (Fields field(bytes, file); field.next();)
    if (field.number == 3) type = field.value;
  if (type != 2)
    fail(file + ": trainer_spec.model_type: found " + std::to_string(type) + ", expected 2 (BPE)");
}

}  // namespace

std::string unspell_piece(const std::string& spelling, bool byte_fallback) {
  unsigned byte = 0;
  if (byte_fallback && spelling.size() == 6 && spelling.starts_with("<0x") &&
      spelling.ends_with('>') &&
      std::from_chars(spelling.data() + 3, spelling.data() + 5, byte, 16).ptr ==
          spelling.data() + 5)
    return std::string(1, static_cast<char>(byte));
  std::string text;
  std::size_t at = 0;
  for (std::size_t mark; (mark = spelling.find(kSpaceMark, at)) != spelling.npos;
       at = mark + kSpaceMark.size())
    text += spelling.substr(at, mark - at) + ' ';
  return text + spelling.substr(at);
}

void add_piece(const Piece& piece, Vocabulary& vocabulary) {
  const auto id = static_cast<TokenId>(vocabulary.tokens.size());
  const bool special = piece.type == kControlPiece || piece.type == kUnknownPiece;
  // A piece with a mark is found by merging: text has spaces there, not marks.
  const bool added =
      special || (piece.type == kUserPiece && piece.text.find(kSpaceMark) == std::string::npos);
  if (added) vocabulary.added.push_back({id, piece.text, special});
  if (piece.type == kUnknownPiece) vocabulary.missing_byte = vocabulary.unk = id;
  if (piece.type == kBytePiece) vocabulary.byte_fallback = true;
  vocabulary.tokens.push_back(added ? piece.text
                                    : unspell_piece(piece.text, piece.type == kBytePiece));
  vocabulary.spellings.push_back(piece.text);
  vocabulary.scores.push_back(piece.score);
}

void set_piece_rules(const PieceRules& rules, Vocabulary& vocabulary) {
  const std::string mark(kSpaceMark);
  if (rules.removes_spaces)
    vocabulary.normalizer = {{Kind::trim_spaces, {}, {}}, {Kind::squeeze_spaces, {}, {}}};
  if (rules.dummy_prefix) vocabulary.normalizer.push_back({Kind::prepend, {}, mark});
  vocabulary.normalizer.push_back({Kind::replace, " ", mark});
  vocabulary.pre_tokenizer = PreTokenizer::whole;
  vocabulary.fuse_missing = true;
  vocabulary.decode_drops_space = rules.dummy_prefix;
}

Vocabulary read_sentencepiece(const std::filesystem::path& path) {
  const MappedFile mapped(path);
  const std::string file = path.string();
  Vocabulary vocabulary;
  PieceRules rules{.dummy_prefix = true, .removes_spaces = true};
  for (Fields field(mapped.text(), file); field.next();) {
    if (field.number == 1) add_piece(read_piece(field.text, file), vocabulary);
    if (field.number == 2) check_trainer(field.text, file);
    if (field.number == 3) rules = read_rules(field.text, file);
  }
  set_piece_rules(rules, vocabulary);
  for (const AddedToken& token : vocabulary.added) {
    if (token.text == "<s>" || token.text == "<bos>") vocabulary.bos = token.id;
    if (token.text == "</s>" || token.text == "<eos>") vocabulary.eos = {token.id};
    if (token.text == "<pad>") vocabulary.pad = token.id;
  }
  return vocabulary;
}

}  // namespace tradeoff::text
