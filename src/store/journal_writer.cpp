#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <random>

#include "journal_format.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/host_name.hpp"
#include "tradeoff/store/journal.hpp"

namespace tradeoff::store {
namespace {

namespace fs = std::filesystem;

std::string random_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
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

// The process id alone comes again after a restart, in another container or on another machine.
fs::path new_file(const fs::path& folder, std::string_view prefix) {
  fs::create_directories(folder);
  return folder /
         fmt::format("{}{}-{}-{}{}", prefix, host_name(), ::getpid(), random_id(), kJournalSuffix);
}

Start new_start(int ranks) {
  return {random_id(), ranks};
}

JournalWriter::JournalWriter(const fs::path& folder, const Json& header, const Start& start)
    : file_(new_file(folder, kJournalPrefix), Begin::new_file) {
  try {
    file_.append(seal({{"journal", kJournalVersion},
                       {"header", header},
                       {"start", start.id},
                       {"ranks", start.ranks}}));
    file_.sync();
    sync_folder(folder);
  } catch (...) {
    ::unlink(path().c_str());
    throw;
  }
}

JournalWriter::~JournalWriter() {
  if (chunks_ == 0) {
    ::unlink(path().c_str());
    return;
  }
  try {
    file_.append(seal({{"ended", true}, {"seconds", clock_.seconds()}}));
  } catch (const std::exception&) {
    // Without it the start counts as killed, which is how its time is then told.
  }
}

std::string JournalWriter::append(std::uint64_t chunk, std::span<const Json> rows) {
  check(!rows.empty(), fmt::format("{}: chunk {} has no rows", path().string(), chunk));
  constexpr std::string_view kData = "\"data\":";
  std::string lines, list = "[";
  for (std::size_t row = 0; row < rows.size(); ++row) {
    check_finite(rows[row], fmt::format("{}: chunk {}, row {}", path().string(), chunk, row));
    const std::string line = seal({{"chunk", chunk}, {"row", row}, {"data", rows[row]}});
    lines += line;
    // Sum, chunk and row stand before it, and a brace and the line end behind.
    const std::size_t begin = line.find(kData) + kData.size();
    list.append(row == 0 ? "" : ",").append(line, begin, line.size() - 2 - begin);
  }
  lines += seal({{"chunk", chunk}, {"rows", rows.size()}, {"seconds", clock_.seconds()}});
  file_.append(lines);
  file_.sync();
  ++chunks_;
  return list + "]";
}

}  // namespace tradeoff::store
