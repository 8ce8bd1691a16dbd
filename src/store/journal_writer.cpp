#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <random>

#include "journal_line.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/store/journal.hpp"

namespace tradeoff::store {
namespace {

namespace fs = std::filesystem;

// The process id alone comes again after a restart, in another container or on another machine.
std::string unique_name() {
  std::array<char, 256> host{};
  check_errno(::gethostname(host.data(), host.size() - 1), "gethostname");
  std::random_device random;
  return fmt::format("{}{}-{}-{:08x}{:08x}{}", kJournalPrefix, host.data(), ::getpid(), random(),
                     random(), kJournalSuffix);
}

void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  check_errno(fd, "open " + folder.string());
  const int result = ::fsync(fd);
  ::close(fd);
  check_errno(result, "fsync " + folder.string());
}

void check_finite(const Json& value, const std::string& place) {
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    fail(fmt::format("{}: found {}, expected a finite number", place, value.get<double>()));
  }
  if (!value.is_structured()) return;
  for (const auto& [key, child] : value.items()) check_finite(child, place + "/" + key);
}

}  // namespace

JournalWriter::JournalWriter(const fs::path& folder, const Json& header) {
  fs::create_directories(folder);
  path_ = folder / unique_name();
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
  check_errno(fd_, "create " + path_.string());
  try {
    put(seal({{"journal", kJournalVersion}, {"header", header}}));
    sync_folder(folder);
  } catch (...) {
    ::close(fd_);
    ::unlink(path_.c_str());
    throw;
  }
}

JournalWriter::~JournalWriter() {
  if (chunks_ == 0) ::unlink(path_.c_str());
  ::close(fd_);
}

std::vector<Json> JournalWriter::append(std::uint64_t chunk, std::span<const Json> rows) {
  check(!rows.empty(), fmt::format("{}: chunk {} has no rows", path_.string(), chunk));
  std::string lines;
  std::vector<Json> read_back;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    check_finite(rows[row], fmt::format("{}: chunk {}, row {}", path_.string(), chunk, row));
    const std::string line = seal({{"chunk", chunk}, {"row", row}, {"data", rows[row]}});
    lines += line;
    read_back.push_back(unseal(std::string_view(line).substr(0, line.size() - 1)).value()["data"]);
  }
  lines += seal({{"chunk", chunk}, {"rows", rows.size()}});
  put(lines);
  ++chunks_;
  return read_back;
}

void JournalWriter::put(const std::string& lines) {
  check(!broken_, path_.string() + ": a write failed before; the journal takes nothing more");
  broken_ = true;
  for (std::size_t done = 0; done < lines.size();) {
    const auto written = ::write(fd_, lines.data() + done, lines.size() - done);
    if (written < 0 && errno == EINTR) continue;
    check_errno(written, "write " + path_.string());
    done += static_cast<std::size_t>(written);
  }
  check_errno(::fdatasync(fd_), "fdatasync " + path_.string());
  broken_ = false;
}

}  // namespace tradeoff::store
