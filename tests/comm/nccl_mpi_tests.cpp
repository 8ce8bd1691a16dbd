#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "main_mpi.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/comm/nccl.hpp"

namespace tradeoff::comm {
namespace {

int gpus() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

// Floats in the current GPU's memory, freed by the destructor.
class Floats {
 public:
  explicit Floats(const std::vector<float>& values) : size_(values.size()) {
    EXPECT_EQ(cudaMalloc(reinterpret_cast<void**>(&data_), size_ * sizeof(float)), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(data_, values.data(), size_ * sizeof(float), cudaMemcpyHostToDevice),
              cudaSuccess);
  }
  ~Floats() { cudaFree(data_); }
  Floats(const Floats&) = delete;
  Floats& operator=(const Floats&) = delete;
  float* data() { return data_; }
  std::vector<float> values() const {
    std::vector<float> values(size_);
    EXPECT_EQ(cudaMemcpy(values.data(), data_, size_ * sizeof(float), cudaMemcpyDeviceToHost),
              cudaSuccess);
    return values;
  }

 private:
  std::size_t size_;
  float* data_ = nullptr;
};

TEST(NcclTest, sums_and_gathers_over_gpus_or_refuses_a_shared_one) {
  const Session& session = *test_session;
  if (gpus() == 0) GTEST_SKIP() << "no GPU";
  if (gpus() < session.local_size()) {
    ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
    try {
      const Nccl nccl(session, 0);
      FAIL() << "a GPU shared by ranks was accepted";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("ranks 0 and 1 hold the same GPU"),
                std::string::npos)
          << error.what();
    }
    return;
  }
  ASSERT_EQ(cudaSetDevice(session.local_rank()), cudaSuccess);
  Nccl nccl(session, session.local_rank());
  const auto rank = static_cast<float>(session.rank());
  const auto ranks = static_cast<std::size_t>(session.size());
  Floats sum(std::vector<float>(1 << 20, rank + 1)), small({rank});
  nccl.all_reduce_sum(sum.data(), 1 << 20);
  nccl.all_reduce_sum(small.data(), 1);
  nccl.wait();
  const float expected = static_cast<float>(ranks * (ranks + 1)) / 2;
  EXPECT_EQ(sum.values(), std::vector<float>(1 << 20, expected));
  EXPECT_EQ(small.values().front(), expected - static_cast<float>(ranks));
  Floats own({rank, -rank}), all(std::vector<float>(2 * ranks, 99));
  nccl.all_gather(own.data(), all.data(), 2);
  nccl.wait();
  for (std::size_t i = 0; i < ranks; ++i) {
    EXPECT_EQ(all.values()[2 * i], static_cast<float>(i));
    EXPECT_EQ(all.values()[2 * i + 1], -static_cast<float>(i));
  }
}

}  // namespace
}  // namespace tradeoff::comm
