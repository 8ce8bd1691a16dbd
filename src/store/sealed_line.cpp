#include "tradeoff/store/sealed_line.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/lines.hpp"
#include "tradeoff/base/mapped_file.hpp"

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
  check(text.size() <= kLongestLine - kLead,
        fmt::format("a record of {} bytes, more than a line may have", text.size()));
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

std::vector<SealedLine> read_sealed(const std::filesystem::path& path) {
  std::vector<SealedLine> sealed;
  const MappedFile file(path);
  Lines lines(file.text());
  while (const auto line = lines.next()) {
    // A line without newline is torn, whatever it says.
    if (lines.end() == Lines::End::newline) sealed.push_back({unseal(*line), lines.number()});
    if (lines.end() == Lines::End::too_long) sealed.push_back({std::nullopt, lines.number()});
  }
  return sealed;
}

AppendFile::AppendFile(std::filesystem::path path, Begin begin) : path_(std::move(path)) {
  const int how = begin == Begin::new_file ? O_CREAT | O_EXCL : 0;
  fd_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | how, 0644);
  check_errno(fd_, (begin == Begin::new_file ? "create " : "open ") + path_.string());
}

AppendFile::~AppendFile() {
  ::close(fd_);
}

void AppendFile::append(std::string_view lines) {
  check(!broken_, path_.string() + ": a write failed before; the file takes nothing more");
  broken_ = true;
  while (!lines.empty()) {
    const auto written = ::write(fd_, lines.data(), lines.size());
    if (written < 0 && errno == EINTR) continue;
    check_errno(written, "write " + path_.string());
    lines.remove_prefix(static_cast<std::size_t>(written));
  }
  broken_ = false;
}

void AppendFile::sync() {
  check(!broken_, path_.string() + ": a write failed before; the file takes nothing more");
  broken_ = true;
  check_errno(::fdatasync(fd_), "fdatasync " + path_.string());
  broken_ = false;
}

}  // namespace tradeoff::store
