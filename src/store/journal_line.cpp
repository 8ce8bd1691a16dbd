#include "journal_line.hpp"

#include <fmt/format.h>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"

namespace tradeoff::store {
namespace {

// {"crc32c":"1f2e3d4c", and then the object's text from its first key on, which is what the sum is
// of.
constexpr std::string_view kOpen = R"({"crc32c":")", kClose = R"(",)";
constexpr std::size_t kDigits = 8;
constexpr std::size_t kLead = kOpen.size() + kDigits + kClose.size();

std::string sum_of(std::string_view text) {
  return fmt::format("{:08x}", crc32c(text));
}

}  // namespace

std::string seal(const Json& object) {
  const std::string text = to_line(object).substr(1);
  return fmt::format("{}{}{}{}\n", kOpen, sum_of(text), kClose, text);
}

std::optional<Json> unseal(std::string_view line) {
  if (line.size() <= kLead || !line.starts_with(kOpen)) return std::nullopt;
  if (line.substr(kLead - kClose.size(), kClose.size()) != kClose) return std::nullopt;
  const std::string_view text = line.substr(kLead);
  if (line.substr(kOpen.size(), kDigits) != sum_of(text)) return std::nullopt;
  try {
    Json object = parse_json(fmt::format("{{{}", text));
    if (object.is_object()) return object;
  } catch (const Error&) {
    // A sum that fits a text that is not JSON: not a line of ours.
  }
  return std::nullopt;
}

}  // namespace tradeoff::store
