// Products of few rows with NF4 weights of the Llama-3-8B shapes on a GPU: microseconds of each and
// of a layer, and the bytes of codes and scales a second against what the card copies; then the
// milliseconds in which all weights of 32 layers are dequantised.
//   nf4_product_bench [ROWS ...]     default: 1 16 32 64
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "tradeoff/base/progress.hpp"
#include "tradeoff/model/device.hpp"
#include "tradeoff/model/step_graph.hpp"
#include "tradeoff/quant/nf4.hpp"

using namespace tradeoff;

namespace {

struct Shape {
  const char* name;
  std::vector<std::int64_t> rows;
  std::int64_t in;
};

// Together more than the second-level cache holds, as a model's layers are.
constexpr int kCopies = 8, kRounds = 20;

// By a recorded graph, as decoding does it: what the host takes to start a kernel does not count.
template <typename Work>
double microseconds(c10::Device device, const Work& work) {
  model::StepGraph graph;
  graph.record([&] {
    for (int i = 0; i < kCopies; ++i) work(i);
  });
  graph.replay();
  model::synchronise(device);
  const Stopwatch clock;
  for (int i = 0; i < kRounds; ++i) graph.replay();
  model::synchronise(device);
  return 1e6 * clock.seconds() / (kCopies * kRounds);
}

}  // namespace

int main(int argc, char** argv) {
  const c10::InferenceMode inference;
  const c10::Device device = model::pick_device(model::DeviceChoice::cuda, 0, 1);
  std::vector<std::int64_t> counts;
  for (int i = 1; i < argc; ++i) counts.push_back(std::stoll(argv[i]));
  if (counts.empty()) counts = {1, 16, 32, 64};
  const auto half = at::TensorOptions(at::kBFloat16).device(device);
  const at::Tensor from = at::randn({std::int64_t{1} << 28}, half), to = at::empty_like(from);
  const double copied = microseconds(device, [&](int) { to.copy_(from); });
  fmt::print("copy on the device: {:.0f} GB/s\n",
             2e-3 * static_cast<double>(from.nbytes()) / copied);
  const std::vector<Shape> shapes = {{"qkv", {4096, 1024, 1024}, 4096},
                                     {"o", {4096}, 4096},
                                     {"gate_up", {14336, 14336}, 4096},
                                     {"down", {4096}, 14336}};
  std::vector<std::vector<std::vector<quant::Nf4Weight>>> weights;
  for (const Shape& shape : shapes) {
    auto& copies = weights.emplace_back(kCopies);
    for (auto& parts : copies)
      for (const std::int64_t rows : shape.rows)
        parts.push_back(quant::without_nesting(quant::quantise(at::randn({rows, shape.in}, half))));
  }
  for (const std::int64_t count : counts) {
    double all = 0;
    std::string line;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const at::Tensor x = at::randn({count, shapes[i].in}, half);
      double bytes = 0;
      for (const auto& part : weights[i][0]) bytes += static_cast<double>(part.bytes());
      const double each = microseconds(device, [&](int copy) {
        quant::product(weights[i][static_cast<std::size_t>(copy)], x, {});
      });
      all += each;
      line +=
          fmt::format("{} {:.1f} us ({:.0f} GB/s), ", shapes[i].name, each, 1e-3 * bytes / each);
    }
    fmt::print("{:3} rows: {}a layer {:.1f} us\n", count, line, all);
  }
  double layer = 0, bytes = 0;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    for (std::size_t part = 0; part < shapes[i].rows.size(); ++part) {
      const at::Tensor out = at::empty({shapes[i].rows[part], shapes[i].in}, half);
      const auto weight = [&](int copy) -> const quant::Nf4Weight& {
        return weights[i][static_cast<std::size_t>(copy)][part];
      };
      layer += microseconds(device, [&](int copy) { quant::dequantise(weight(copy), out); });
      bytes += static_cast<double>(weight(0).bytes()) + static_cast<double>(out.nbytes());
    }
  }
  fmt::print("dequantised: 32 layers {:.2f} ms ({:.0f} GB/s)\n", 32e-3 * layer,
             1e-3 * bytes / layer);
}
