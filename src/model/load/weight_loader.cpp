#include "load/weight_loader.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <utility>

#include "tradeoff/base/error.hpp"
#include "tradeoff/model/device.hpp"

namespace tradeoff::model {

WeightLoader::WeightLoader(const StoredWeights& weights, c10::Device device, c10::ScalarType dtype)
    : weights_(weights), device_(device), dtype_(dtype) {
  if (!device.is_cpu()) upload_.emplace(device);
}

void WeightLoader::start(const std::string& name, const at::Tensor& from, const at::Tensor& to) {
  upload_->add(weights_.checkpoint().folder().string() + ": tensor " + name, from, to);
}

WeightLoader::Coming WeightLoader::begin(std::vector<std::string> names) {
  Coming coming{.names = std::move(names), .dense = {}, .nf4 = {}, .plain = {}};
  if (device_.is_cpu()) return coming;
  const bool any_nf4 = std::ranges::any_of(
      coming.names, [&](const std::string& name) { return weights_.is_nf4(name); });
  // What is allocated now may be memory that kernels under way still read.
  const auto settle = [&] { synchronise(device_); };
  if (!any_nf4) {
    std::vector<std::int64_t> shape = weights_.shape(coming.names.front());
    shape[0] = 0;
    for (const std::string& name : coming.names) shape[0] += weights_.shape(name)[0];
    coming.dense = at::empty(shape, at::TensorOptions(dtype_).device(device_));
    settle();
    std::int64_t row = 0;
    for (const std::string& name : coming.names) {
      const at::Tensor from = weights_.stored(name);
      start(name, from, coming.dense.narrow(0, row, from.size(0)));
      row += from.size(0);
    }
  } else {
    for (const std::string& name : coming.names) {
      if (weights_.is_stored_nf4(name)) {
        quant::Nf4Weight weight = weights_.nf4(name);
        for (at::Tensor* part : {&weight.packed, &weight.absmax, &weight.quant_map,
                                 &weight.nested_absmax, &weight.nested_quant_map}) {
          if (!part->defined()) continue;
          const at::Tensor from = *part;
          *part = at::empty_like(from, from.options().device(device_));
          settle();
          start(name, from, *part);
        }
        coming.nf4.push_back(std::move(weight));
        coming.plain.emplace_back();
      } else {
        const at::Tensor from = weights_.stored(name);
        coming.plain.push_back(
            at::empty(from.sizes(), at::TensorOptions(c10::ScalarType::BFloat16).device(device_)));
        settle();
        start(name, from, coming.plain.back());
        coming.nf4.emplace_back();
      }
    }
  }
  coming.uploads = upload_->added();
  return coming;
}

at::Tensor WeightLoader::take(Coming coming) {
  if (device_.is_cpu()) {
    std::vector<at::Tensor> parts;
    for (const std::string& name : coming.names) parts.push_back(weights_.get(name));
    return parts.size() == 1 ? parts.front() : at::cat(parts);
  }
  upload_->wait(coming.uploads);
  if (coming.dense.defined()) return coming.dense;
  std::vector<at::Tensor> parts;
  for (const quant::Nf4Weight& weight : take_nf4(std::move(coming)))
    parts.push_back(quant::dequantise(weight).to(dtype_));
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

std::vector<quant::Nf4Weight> WeightLoader::take_nf4(Coming coming) {
  if (device_.is_cpu()) {
    for (const std::string& name : coming.names) coming.nf4.push_back(weights_.nf4(name));
    return std::move(coming.nf4);
  }
  upload_->wait(coming.uploads);
  for (std::size_t i = 0; i < coming.names.size(); ++i) {
    at::Tensor& plain = coming.plain[i];
    if (plain.defined()) coming.nf4[i] = quant::quantise(std::exchange(plain, {}));
  }
  return std::move(coming.nf4);
}

}  // namespace tradeoff::model
