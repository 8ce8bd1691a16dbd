#include "normal_forms.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "unicode.hpp"

namespace tradeoff::text {
namespace {

struct Combining {
  char32_t first, last;
  std::uint8_t cls;
};
struct Pair {
  char32_t first, second, joined;
};
struct Mapping {
  char32_t from;
  std::uint16_t start, length;  // in the texts of its table
};
#include "normal_forms.inc"

using Points = std::u32string;
using Mappings = std::unordered_map<char32_t, std::u32string_view>;

// Hangul syllables are composed by arithmetic: section 3.12 of the Unicode standard.
constexpr char32_t kSyllable = 0xAC00, kLead = 0x1100, kVowel = 0x1161, kTail = 0x11A7;
constexpr char32_t kLeads = 19, kVowels = 21, kTails = 28, kSyllables = kLeads * kVowels * kTails;

void add_mappings(std::span<const Mapping> entries, const char32_t* texts, Mappings& mappings) {
  for (const Mapping& entry : entries)
    mappings[entry.from] = std::u32string_view(texts + entry.start, entry.length);
}

std::uint8_t combining_class(char32_t point) {
  static const std::unordered_map<char32_t, std::uint8_t> classes = [] {
    std::unordered_map<char32_t, std::uint8_t> map;
    for (const Combining& run : kCombining)
      for (char32_t c = run.first; c <= run.last; ++c) map[c] = run.cls;
    return map;
  }();
  if (point < 0x300) return 0;
  const auto found = classes.find(point);
  return found == classes.end() ? 0 : found->second;
}

// The composed character, 0 where there is none.
char32_t joined(char32_t first, char32_t second) {
  static const std::unordered_map<std::uint64_t, char32_t> pairs = [] {
    std::unordered_map<std::uint64_t, char32_t> map;
    for (const Pair& pair : kPairs)
      map[std::uint64_t{pair.first} << 32 | pair.second] = pair.joined;
    return map;
  }();
  if (first - kLead < kLeads && second - kVowel < kVowels)
    return kSyllable + ((first - kLead) * kVowels + (second - kVowel)) * kTails;
  if (first - kSyllable < kSyllables && (first - kSyllable) % kTails == 0 && second > kTail &&
      second < kTail + kTails)
    return first + (second - kTail);
  const auto found = pairs.find(std::uint64_t{first} << 32 | second);
  return found == pairs.end() ? 0 : found->second;
}

class Form {
 public:
  Form(bool compatible, bool composed) : composed_(composed), stable_(0x110000, true) {
    add_mappings(kCanonical, kCanonicalTexts, mappings_);
    if (compatible) add_mappings(kCompatible, kCompatibleTexts, mappings_);
    const auto unstable = [&](char32_t c) { stable_[c] = false; };
    for (const Combining& run : kCombining)
      for (char32_t c = run.first; c <= run.last; ++c) unstable(c);
    for (const auto& [from, to] : mappings_) unstable(from);
    if (composed) {
      for (char32_t c = kVowel; c < kVowel + kVowels; ++c) unstable(c);
      for (char32_t c = kTail + 1; c < kTail + kTails; ++c) unstable(c);
      for (const Pair& pair : kPairs) unstable(pair.second);
      // Composed characters stay what they are, unless one is itself joined to what precedes it.
      for (const Pair& pair : kPairs)
        if (changed(Points(1, pair.joined)) == Points(1, pair.joined)) stable_[pair.joined] = true;
      for (const Pair& pair : kPairs) unstable(pair.second);
    } else {
      for (char32_t c = 0; c < kSyllables; ++c) unstable(kSyllable + c);
    }
  }

  std::string apply(std::string_view text) const {
    std::string out;
    out.reserve(text.size());
    Points segment;  // a stable character and what follows it up to the next one
    std::size_t copied = 0, start = 0;
    const auto flush = [&](std::size_t end) {
      if (segment.empty()) return;
      out += text.substr(copied, start - copied);
      for (const char32_t point : changed(segment)) append_utf8(point, out);
      copied = end;
      segment.clear();
    };
    for (std::size_t at = 0; at < text.size();) {
      const Point point = point_at(text, at);
      if (point.value == kNoPoint) {
        flush(at);
        start = at + 1;
      } else if (stable_[point.value]) {
        flush(at);
        start = at;
      } else {
        if (segment.empty() && start < at) segment.push_back(point_at(text, start).value);
        segment.push_back(point.value);
      }
      at += point.bytes;
    }
    flush(text.size());
    out += text.substr(copied);
    return out;
  }

 private:
  Points changed(const Points& segment) const {
    Points points;
    for (const char32_t c : segment) {
      if (c - kSyllable < kSyllables) {
        const char32_t index = c - kSyllable;
        points += {kLead + index / kTails / kVowels, kVowel + index / kTails % kVowels};
        if (index % kTails) points += kTail + index % kTails;
      } else if (const auto found = mappings_.find(c); found != mappings_.end()) {
        points += found->second;
      } else {
        points += c;
      }
    }
    order_marks(points);
    return composed_ ? compose(points) : points;
  }

  static void order_marks(Points& points) {
    for (std::size_t first = 0; first < points.size();) {
      if (combining_class(points[first]) == 0) {
        ++first;
        continue;
      }
      std::size_t last = first;
      while (last < points.size() && combining_class(points[last]) != 0) ++last;
      const auto begin = points.begin();
      std::stable_sort(
          begin + static_cast<std::ptrdiff_t>(first), begin + static_cast<std::ptrdiff_t>(last),
          [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); });
      first = last;
    }
  }

  static Points compose(const Points& points) {
    Points out;
    std::size_t starter = Points::npos;
    std::uint8_t before = 0;  // class of the last character kept behind the starter
    for (const char32_t c : points) {
      const std::uint8_t cls = combining_class(c);
      const bool adjacent = starter != Points::npos && starter + 1 == out.size();
      if (starter != Points::npos && (adjacent || (before != 0 && before < cls)))
        if (const char32_t whole = joined(out[starter], c)) {
          out[starter] = whole;
          continue;
        }
      if (cls == 0) starter = out.size();
      before = cls;
      out += c;
    }
    return out;
  }

  bool composed_;
  Mappings mappings_;
  std::vector<bool> stable_;  // changes nothing before it, and alone stays what it is
};

const Form& form_of(NormalForm form) {
  static const Form nfc(false, true);
  if (form == NormalForm::nfc) return nfc;
  static const Form nfd(false, false), nfkc(true, true), nfkd(true, false);
  return form == NormalForm::nfd ? nfd : form == NormalForm::nfkc ? nfkc : nfkd;
}

}  // namespace

std::string to_normal_form(std::string_view text, NormalForm form) {
  // Below U+0300 (CC 80) NFC, and in ASCII every form, leaves the text as it is.
  const std::uint8_t limit = form == NormalForm::nfc ? 0xCC : 0x80;
  if (std::all_of(text.begin(), text.end(),
                  [&](char c) { return static_cast<std::uint8_t>(c) < limit; }))
    return std::string(text);
  return form_of(form).apply(text);
}

std::string to_lowercase(std::string_view text) {
  static const Mappings mappings = [] {
    Mappings map;
    add_mappings(kLowercase, kLowercaseTexts, map);
    return map;
  }();
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Point point = point_at(text, at);
    if (point.value < 0x80) {
      const char c = text[at];
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    } else if (const auto found = mappings.find(point.value); found != mappings.end()) {
      for (const char32_t lower : found->second) append_utf8(lower, out);
    } else {
      out += text.substr(at, point.bytes);
    }
    at += point.bytes;
  }
  return out;
}

}  // namespace tradeoff::text
