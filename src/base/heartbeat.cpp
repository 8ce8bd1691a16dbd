#include "tradeoff/base/heartbeat.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <optional>
#include <tuple>
#include <utility>

#include "tradeoff/base/host_name.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff {
namespace {

namespace fs = std::filesystem;
constexpr auto kPeriod = std::chrono::seconds(5);
constexpr double kForgottenS = 3600;
// A beat overwrites the one before without emptying the file: both have this many bytes.
constexpr std::size_t kFileBytes = 4096, kMostDoing = 400;
constexpr std::string_view kSuffix = ".json";

double unix_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

std::string file_text(const Heartbeat& beat) {
  const Json json = {{"launch", beat.launch}, {"rank", beat.rank},       {"ranks", beat.ranks},
                     {"host", beat.host},     {"pid", beat.pid},         {"time", beat.time},
                     {"beat", beat.beat},     {"started", beat.started}, {"doing", beat.doing}};
  std::string text = to_line(json);
  text.resize(std::max(text.size(), kFileBytes - 1), ' ');
  return text + "\n";
}

std::optional<Heartbeat> read_heartbeat(const fs::path& file) {
  try {
    const Json json = parse_json(read_text(file));
    Heartbeat beat;
    beat.launch = field<std::string>(json, "launch");
    beat.rank = field<int>(json, "rank");
    beat.ranks = field<int>(json, "ranks");
    beat.host = field<std::string>(json, "host");
    beat.pid = field<int>(json, "pid");
    beat.time = field<double>(json, "time");
    beat.started = field<double>(json, "started");
    beat.beat = field<std::uint64_t>(json, "beat");
    beat.doing = field<std::string>(json, "doing");
    return beat;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == kSuffix) files.push_back(entry.path());
  }
  return files;
}

bool is_gone(const Heartbeat& beat, const std::string& host) {
  if (unix_seconds() - beat.time > kForgottenS) return true;
  return beat.host == host && ::kill(beat.pid, 0) != 0 && errno == ESRCH;
}

void remove_forgotten(const fs::path& folder, const std::string& host) {
  for (const fs::path& file : files_of(folder)) {
    const auto beat = read_heartbeat(file);
    std::error_code ignored;
    if (beat && is_gone(*beat, host)) fs::remove(file, ignored);
  }
}

}  // namespace

HeartbeatFile::HeartbeatFile(fs::path folder, Heartbeat first)
    : folder_(std::move(folder)), next_(std::move(first)) {
  next_.host = host_name();
  next_.pid = ::getpid();
  next_.started = unix_seconds();
  file_ = folder_ / fmt::format("{}-{}{}", next_.host, next_.pid, kSuffix);
  make_folder();
  remove_forgotten(folder_, next_.host);
  write();
  thread_ = std::jthread([this](const std::stop_token& stop) { beat_on(stop); });
}

HeartbeatFile::~HeartbeatFile() {
  thread_.request_stop();
  thread_.join();
  std::error_code ignored;
  fs::remove(file_, ignored);
  // Folders that hold nothing else; the last process to leave takes them away.
  fs::remove(folder_, ignored);
  for (auto made = made_.rbegin(); made != made_.rend(); ++made) fs::remove(*made, ignored);
}

void HeartbeatFile::doing(std::string what) {
  if (what.size() > kMostDoing) what.resize(kMostDoing);
  const std::scoped_lock held(mutex_);
  next_.doing = std::move(what);
}

void HeartbeatFile::make_folder() {
  std::vector<fs::path> missing;
  std::error_code ignored;
  for (fs::path path = folder_; !path.empty() && !fs::exists(path, ignored);
       path = path.parent_path()) {
    missing.insert(missing.begin(), path);
  }
  for (const fs::path& path : missing) {
    if (fs::create_directory(path, ignored)) made_.push_back(path);
  }
}

void HeartbeatFile::write() {
  std::string text;
  {
    const std::scoped_lock held(mutex_);
    next_.time = unix_seconds();
    text = file_text(next_);
    ++next_.beat;
  }
  const int fd = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  bool written = fd >= 0 && ::write(fd, text.data(), text.size()) == std::ssize(text);
  const int code = errno;
  if (fd >= 0) written = ::close(fd) == 0 && written;
  if (!written && !std::exchange(told_, true)) {
    log::warn("{}: cannot be written ({}); `tradeoff status` will not see this process",
              file_.string(), std::strerror(code));
  }
}

void HeartbeatFile::beat_on(const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any wake;
  while (true) {
    wake.wait_for(lock, stop, kPeriod, [] { return false; });
    if (stop.stop_requested()) return;
    write();
  }
}

std::vector<Heartbeat> read_heartbeats(const fs::path& folder) {
  std::vector<Heartbeat> beats;
  for (const fs::path& file : files_of(folder)) {
    auto beat = read_heartbeat(file);
    // It may have been caught in the middle of a beat.
    if (!beat) beat = read_heartbeat(file);
    if (beat) beats.push_back(std::move(*beat));
  }
  std::ranges::sort(beats, {}, [](const Heartbeat& beat) {
    return std::tuple(beat.launch, beat.rank, beat.host, beat.pid);
  });
  return beats;
}

}  // namespace tradeoff
