#include "doctor_nccl.hpp"

#include <ATen/ops/ones.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/progress.hpp"
#include "tradeoff/comm/nccl.hpp"

namespace tradeoff::app {
namespace {

namespace fs = std::filesystem;

// NCCL tells what it chose in its log alone: "NET/IB : Using [0]mlx5_0:1/IB ...", "NET/Socket :
// Using [0]eth0:10.0.0.1<0>".
std::string interfaces_of(const fs::path& log) {
  std::set<std::string> found;
  std::ifstream stream(log);
  for (std::string line; std::getline(stream, line);) {
    const auto net = line.find("NET/");
    const auto use = line.find(" Using ");
    if (net == std::string::npos || use == std::string::npos || use < net) continue;
    const auto end = line.find(' ', net);
    found.insert(line.substr(net, end - net) + " " + line.substr(use + 7));
  }
  return found.empty() ? "none told" : fmt::format("{}", fmt::join(found, "; "));
}

// Sends NCCL's log into a file of this process while it lives, unless somebody asked for it
// elsewhere.
class Log {
 public:
  Log() : path_(fs::temp_directory_path() / fmt::format("tradeoff-nccl-{}.log", ::getpid())) {
    ::setenv("NCCL_DEBUG", "INFO", 0);
    ::setenv("NCCL_DEBUG_SUBSYS", "INIT,NET", 0);
    ::setenv("NCCL_DEBUG_FILE", path_.c_str(), 0);
    if (const char* file = std::getenv("NCCL_DEBUG_FILE")) read_ = file;
  }
  ~Log() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  const fs::path& file() const { return read_; }

 private:
  fs::path path_, read_;
};

}  // namespace

SiteFinding look_at_nccl(const comm::Session& session, const c10::Device& device) {
  if (!device.is_cuda()) return {"NCCL", true, "not used: the ranks compute on CPUs", ""};
  if (session.size() == 1) return {"NCCL", true, "one rank: nothing to sum", ""};
  constexpr int kTimes = 5;
  constexpr std::int64_t kCount = std::int64_t{16} << 20;
  const Log log;
  comm::Nccl nccl(session, device.index());
  const at::Tensor values = at::ones({kCount}, at::TensorOptions().device(device));
  nccl.all_reduce_sum(values.mutable_data_ptr<float>(), 1024);
  nccl.wait();
  const Stopwatch clock;
  for (int i = 0; i < kTimes; ++i)
    nccl.all_reduce_sum(values.mutable_data_ptr<float>(), static_cast<std::size_t>(kCount));
  nccl.wait();
  const double seconds = clock.seconds() / kTimes, n = session.size();
  const double bytes = 2.0 * (n - 1) / n * static_cast<double>(kCount) * sizeof(float);
  return {"NCCL", true,
          fmt::format("all-reduce of {} MiB in {:.2f} ms, {:.1f} GB/s; interfaces: {}",
                      kCount * std::int64_t{sizeof(float)} >> 20, 1000 * seconds,
                      bytes / seconds / 1e9, interfaces_of(log.file())),
          "NCCL_SOCKET_IFNAME or NCCL_IB_HCA in site.sh"};
}

}  // namespace tradeoff::app
