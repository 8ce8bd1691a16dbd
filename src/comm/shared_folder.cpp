#include "tradeoff/comm/shared_folder.hpp"

#include <fmt/ranges.h>

#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/comm/collectives.hpp"

namespace tradeoff::comm {
namespace {

namespace fs = std::filesystem;
constexpr auto kPause = std::chrono::milliseconds(50);

// A name that no other start has, so that finding it is proof enough.
std::string token_name() {
  std::random_device random;
  return fmt::format("shared-{:08x}{:08x}", random(), random());
}

bool appears(const fs::path& file, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::error_code ignored;
  while (!fs::exists(file, ignored)) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

}  // namespace

void check_shared_folder(const Session& session, const fs::path& folder,
                         std::chrono::milliseconds patience) {
  if (session.size() == 1) return;
  std::optional<AtomicFile> token;  // never committed: it goes with its owner
  if (session.rank() == 0) token.emplace(folder / token_name());
  const std::string name =
      broadcast(session, token ? token->temporary().filename().string() : std::string());
  const bool seen = appears(folder / name, patience);
  const auto hosts = gather(session, seen ? std::string() : session.host());
  std::vector<std::string> blind;
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    if (!hosts[rank].empty()) blind.push_back(fmt::format("rank {} on {}", rank, hosts[rank]));
  }
  std::string fault;
  if (!blind.empty()) {
    fault = fmt::format(
        "{}: {} {} not find what rank 0 on {} wrote there, so the hosts do not share this folder; "
        "expected one on a file system that all of them mount",
        fs::absolute(folder).string(), fmt::join(blind, ", "), blind.size() == 1 ? "does" : "do",
        session.host());
  }
  fault = broadcast(session, std::move(fault));
  if (!fault.empty()) fail(fault);
}

}  // namespace tradeoff::comm
