#include "gradient_sum.hpp"

#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/comm/nccl.hpp"
#include "tradeoff/comm/overlapped_sum.hpp"

namespace tradeoff::train {
namespace {

// Numbers of each gradient that are gathered at a time.
constexpr std::int64_t kSlice = std::int64_t{1} << 20;

std::span<float> floats(const at::Tensor& tensor) {
  return {tensor.mutable_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

class MpiLink final : public GradientLink {
 public:
  explicit MpiLink(const comm::Session& session) : session_(session), sum_(session) {}
  void start(const at::Tensor& bucket) override { sum_.start(floats(bucket)); }
  void progress() override { sum_.progress(); }
  void finish() override { sum_.finish(); }
  void all_gather(const at::Tensor& own, const at::Tensor& all) override {
    comm::all_gather(session_, floats(own), floats(all));
  }

 private:
  const comm::Session& session_;
  comm::OverlappedSum sum_;
};

class NcclLink final : public GradientLink {
 public:
  NcclLink(const comm::Session& session, int device) : nccl_(session, device) {}
  void start(const at::Tensor& bucket) override {
    nccl_.all_reduce_sum(bucket.mutable_data_ptr<float>(),
                         static_cast<std::size_t>(bucket.numel()));
  }
  void progress() override {}
  void finish() override { nccl_.wait(); }
  void all_gather(const at::Tensor& own, const at::Tensor& all) override {
    nccl_.all_gather(own.const_data_ptr<float>(), all.mutable_data_ptr<float>(),
                     static_cast<std::size_t>(own.numel()));
    nccl_.wait();
  }

 private:
  comm::Nccl nccl_;
};

// Nothing travels.
class NoLink final : public GradientLink {
 public:
  void start(const at::Tensor&) override {}
  void progress() override {}
  void finish() override {}
  void all_gather(const at::Tensor& own, const at::Tensor& all) override { all.copy_(own); }
};

// Leaves [begin, end): the left half takes the greatest power of two below their number.
at::Tensor tree(std::span<const at::Tensor> leaves) {
  if (leaves.size() == 1) return leaves.front();
  std::size_t half = 1;
  while (2 * half < leaves.size()) half *= 2;
  return at::add(tree(leaves.first(half)), tree(leaves.subspan(half)));
}

}  // namespace

std::unique_ptr<GradientLink> make_gradient_link(const comm::Session& session, c10::Device device) {
  if (session.size() == 1) return std::make_unique<NoLink>();
  if (device.is_cpu()) return std::make_unique<MpiLink>(session);
  return std::make_unique<NcclLink>(session, device.index());
}

void sum_along_tree(GradientLink& link, const comm::Session& session, std::span<const int> owner,
                    std::span<const MicroGradient> own, const at::Tensor& sum) {
  const c10::InferenceMode inference;
  const auto ranks = static_cast<std::size_t>(session.size());
  // Where each micro-batch stands among its rank's.
  std::vector<std::int64_t> place, held(ranks, 0);
  for (const int rank : owner) place.push_back(held[static_cast<std::size_t>(rank)]++);
  const std::int64_t most = *std::ranges::max_element(held);
  for (std::int64_t begin = 0; begin < sum.numel(); begin += kSlice) {
    const std::int64_t count = std::min(kSlice, sum.numel() - begin);
    at::Tensor sent = at::empty({most, count}, sum.options());
    for (std::size_t i = 0; i < own.size(); ++i) {
      sent.select(0, static_cast<std::int64_t>(i)).copy_(own[i].values.narrow(0, begin, count));
    }
    const at::Tensor all =
        at::empty({static_cast<std::int64_t>(ranks), most, count}, sum.options());
    link.all_gather(sent.view({-1}), all.view({-1}));
    std::vector<at::Tensor> leaves;
    for (std::size_t i = 0; i < owner.size(); ++i) {
      leaves.push_back(all.select(0, owner[i]).select(0, place[i]));
    }
    sum.narrow(0, begin, count).copy_(tree(leaves));
  }
}

}  // namespace tradeoff::train
