#include "tradeoff/comm/nccl.hpp"

#include <cuda_runtime_api.h>
#include <fmt/format.h>
#include <nccl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <string>
#include <thread>

#include "tradeoff/base/error.hpp"
#include "tradeoff/comm/collectives.hpp"

namespace tradeoff::comm {
namespace {

void check_cuda(cudaError_t code, const char* call,
                std::source_location where = std::source_location::current()) {
  if (code != cudaSuccess) fail(fmt::format("{}: {}", call, cudaGetErrorString(code)), where);
}

// In a non-blocking communicator a call may still be in progress; pending() waits for it.
void check_nccl(ncclResult_t code, const char* call,
                std::source_location where = std::source_location::current()) {
  if (code == ncclSuccess || code == ncclInProgress) return;
  fail(fmt::format("{}: {} ({})", call, ncclGetErrorString(code), ncclGetLastError(nullptr)),
       where);
}

std::string uuid_of(int device) {
  cudaDeviceProp properties;
  check_cuda(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  std::string text;
  for (const char byte : properties.uuid.bytes) {
    text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  }
  return text;
}

// NCCL hangs where two ranks hold one GPU.
void refuse_shared_gpus(const Session& session, int device) {
  const auto uuids = gather(session, uuid_of(device));
  std::map<std::string, std::size_t> holder;
  std::string fault;
  for (std::size_t rank = 0; rank < uuids.size(); ++rank) {
    const auto [found, is_new] = holder.emplace(uuids[rank], rank);
    if (!is_new && fault.empty()) {
      fault = fmt::format("ranks {} and {} hold the same GPU {}: start one rank a GPU",
                          found->second, rank, uuids[rank]);
    }
  }
  fault = broadcast(session, std::move(fault));
  if (!fault.empty()) fail(fault);
}

}  // namespace

struct Nccl::State {
  const Session& session;
  NcclOptions options;
  ncclComm_t communicator = nullptr;
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
  std::uint64_t number = 0;  // collectives enqueued so far
  const char* last = "ncclCommInitRankConfig";
  int exceptions_at_birth = std::uncaught_exceptions();

  // Nothing that NCCL offers is sure to return once a peer is gone (NVIDIA/nccl#549), so the
  // process ends here and the launcher ends the others.
  [[noreturn]] void end(const std::string& what) const {
    fmt::print(stderr, "{}: {}, collective {} ({})\n", session.place(), what, number, last);
    std::fflush(stderr);
    ::_exit(1);
  }

  template <typename Done>
  void poll(const Done& done) const {
    using namespace std::chrono;
    const auto start = steady_clock::now();
    while (!done()) {
      ncclResult_t state = ncclSuccess;
      const ncclResult_t asked = ncclCommGetAsyncError(communicator, &state);
      if (asked != ncclSuccess) end(fmt::format("NCCL: {}", ncclGetErrorString(asked)));
      if (state != ncclSuccess && state != ncclInProgress) {
        end(fmt::format("NCCL: {}", ncclGetErrorString(state)));
      }
      const double waited = duration<double>(steady_clock::now() - start).count();
      if (waited > options.deadline_s) {
        end(fmt::format("no answer from the other ranks in {:.0f} s", waited));
      }
      if (waited > 0.002) std::this_thread::sleep_for(microseconds(100));
    }
  }

  // Until the communicator has taken in the last call.
  void pending() const {
    poll([&] {
      ncclResult_t state = ncclSuccess;
      return ncclCommGetAsyncError(communicator, &state) == ncclSuccess && state == ncclSuccess;
    });
  }

  // The next collective starts after what the default stream holds now.
  void after_default_stream() {
    check_cuda(cudaEventRecord(event, nullptr), "cudaEventRecord");
    check_cuda(cudaStreamWaitEvent(stream, event, 0), "cudaStreamWaitEvent");
    ++number;
  }
};

Nccl::Nccl(const Session& session, int device, const NcclOptions& options)
    : state_(new State{session, options}) {
  refuse_shared_gpus(session, device);
  ncclUniqueId id;
  if (session.rank() == 0) check_nccl(ncclGetUniqueId(&id), "ncclGetUniqueId");
  std::string bytes(sizeof id, '\0');
  if (session.rank() == 0) std::memcpy(bytes.data(), &id, sizeof id);
  bytes = broadcast(session, std::move(bytes));
  std::memcpy(&id, bytes.data(), sizeof id);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;  // so that a deadline can be kept
  check_nccl(
      ncclCommInitRankConfig(&state_->communicator, session.size(), id, session.rank(), &config),
      "ncclCommInitRankConfig");
  state_->pending();
  check_cuda(cudaStreamCreateWithFlags(&state_->stream, cudaStreamNonBlocking),
             "cudaStreamCreateWithFlags");
  check_cuda(cudaEventCreateWithFlags(&state_->event, cudaEventDisableTiming),
             "cudaEventCreateWithFlags");
}

Nccl::~Nccl() {
  // While an exception passes through the peers may be gone: the process ends soon, NCCL with it.
  if (std::uncaught_exceptions() > state_->exceptions_at_birth) return;
  if (state_->communicator) {
    state_->last = "ncclCommFinalize";
    if (ncclCommFinalize(state_->communicator) == ncclInProgress) state_->pending();
    ncclCommDestroy(state_->communicator);
  }
  if (state_->event) cudaEventDestroy(state_->event);
  if (state_->stream) cudaStreamDestroy(state_->stream);
}

void Nccl::all_reduce_sum(float* values, std::size_t count) {
  state_->after_default_stream();
  state_->last = "ncclAllReduce";
  check_nccl(ncclAllReduce(values, values, count, ncclFloat, ncclSum, state_->communicator,
                           state_->stream),
             "ncclAllReduce");
  state_->pending();
}

void Nccl::all_gather(const float* own, float* all, std::size_t count) {
  state_->after_default_stream();
  state_->last = "ncclAllGather";
  check_nccl(ncclAllGather(own, all, count, ncclFloat, state_->communicator, state_->stream),
             "ncclAllGather");
  state_->pending();
}

void Nccl::wait() {
  check_cuda(cudaEventRecord(state_->event, state_->stream), "cudaEventRecord");
  state_->poll([&] {
    const cudaError_t code = cudaEventQuery(state_->event);
    if (code != cudaErrorNotReady) check_cuda(code, "cudaEventQuery");
    return code == cudaSuccess;
  });
}

}  // namespace tradeoff::comm
