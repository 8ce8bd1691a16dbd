#include "text_steps.hpp"

#include "normal_forms.hpp"
#include "tradeoff/base/error.hpp"
#include "unicode.hpp"

namespace tradeoff::text {
namespace {

Char char_at(std::string_view text, std::size_t at) {
  const Point point = point_at(text, at);
  return {point.bytes, point.value == kNoPoint ? std::uint8_t{0} : unicode_classes()[point.value]};
}

// The start of the character that ends `text`, which is not empty.
std::size_t last_char(std::string_view text) {
  for (std::size_t back = 2; back <= 4 && back <= text.size(); ++back) {
    const std::size_t at = text.size() - back;
    if (static_cast<std::uint8_t>(text[at]) >= 0xC0)
      return point_at(text, at).bytes == back ? at : text.size() - 1;
  }
  return text.size() - 1;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size() + text.size() / 4 * (to.size() > from.size()));
  std::size_t at = 0;
  for (std::size_t found; (found = text.find(from, at)) != text.npos; at = found + from.size()) {
    out += text.substr(at, found - at);
    out += to;
  }
  return out += text.substr(at);
}

std::string squeezed(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != ' ' || !out.ends_with(' ')) out += c;
  return out;
}

std::string_view without_outer(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == text.npos ? std::string_view()
                            : text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

std::string changed(const TextStep& step, std::string_view text, bool first) {
  using Kind = TextStep::Kind;
  const auto prefixed = [&](bool wanted) {
    return wanted ? step.to + std::string(text) : std::string(text);
  };
  switch (step.kind) {
    case Kind::nfc:
      return to_normal_form(text, NormalForm::nfc);
    case Kind::nfd:
      return to_normal_form(text, NormalForm::nfd);
    case Kind::nfkc:
      return to_normal_form(text, NormalForm::nfkc);
    case Kind::nfkd:
      return to_normal_form(text, NormalForm::nfkd);
    case Kind::lowercase:
      return to_lowercase(text);
    case Kind::strip_left:
      return std::string(text.substr(spaces_at_start(text)));
    case Kind::strip_right:
      return std::string(text.substr(0, text.size() - spaces_at_end(text)));
    case Kind::prepend:
      return prefixed(!text.empty());
    case Kind::prepend_missing:
      return prefixed(!text.empty() && !text.starts_with(step.to));
    case Kind::prepend_first:
      return prefixed(first && !text.empty() && !text.starts_with(step.to));
    case Kind::replace:
      return replaced(text, step.from, step.to);
    case Kind::trim_spaces:
      return std::string(without_outer(text));
    case Kind::squeeze_spaces:
      return squeezed(text);
  }
  fail("a text step of no known kind");
}

}  // namespace

std::string_view apply_steps(std::span<const TextStep> steps, std::string_view text, bool first,
                             std::string& room) {
  if (steps.empty()) return text;
  room = changed(steps[0], text, first);
  for (const TextStep& step : steps.subspan(1)) room = changed(step, room, first);
  return room;
}

bool ends_with_class(std::string_view text, std::uint8_t wanted) {
  return !text.empty() && (char_at(text, last_char(text)).cls & wanted);
}

bool begins_with_class(std::string_view text, std::uint8_t wanted) {
  return !text.empty() && (char_at(text, 0).cls & wanted);
}

std::size_t spaces_at_end(std::string_view text) {
  const std::size_t size = text.size();
  while (ends_with_class(text, kSpace)) text = text.substr(0, last_char(text));
  return size - text.size();
}

std::size_t spaces_at_start(std::string_view text) {
  const std::size_t size = text.size();
  while (begins_with_class(text, kSpace)) text = text.substr(char_at(text, 0).bytes);
  return size - text.size();
}

}  // namespace tradeoff::text
