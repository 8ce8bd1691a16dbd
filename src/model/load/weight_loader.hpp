#pragma once
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "load/upload.hpp"
#include "tradeoff/model/stored_weights.hpp"

namespace tradeoff::model {

/// Weights on their way to the device that computes with them. On CUDA the files are read and
/// copied by threads of their own (Upload) while the caller goes on; NF4 is quantised and
/// dequantised there. On the CPU nothing happens before a weight is taken.
class WeightLoader {
 public:
  WeightLoader(const StoredWeights& weights, c10::Device device, c10::ScalarType dtype);

  /// One matrix (or bias): the rows of tensors of these names, one below the other.
  struct Coming {
    std::vector<std::string> names;
    at::Tensor dense;                   // CUDA: what becomes the matrix, where none is in NF4
    std::vector<quant::Nf4Weight> nf4;  // CUDA: of those that are stored in NF4
    std::vector<at::Tensor> plain;      // CUDA: of those that become NF4, bfloat16
    std::size_t uploads = 0;            // that have to arrive first
  };
  Coming begin(std::vector<std::string> names);

  /// The matrix: on CUDA there and in the products' dtype; on the CPU as it is stored (NF4
  /// dequantised), perhaps a view of the mapped file.
  at::Tensor take(Coming coming);
  /// The same where all are used in NF4: on CUDA there, on the CPU perhaps views.
  std::vector<quant::Nf4Weight> take_nf4(Coming coming);

 private:
  void start(const std::string& name, const at::Tensor& from, const at::Tensor& to);

  const StoredWeights& weights_;
  c10::Device device_;
  c10::ScalarType dtype_;
  std::optional<Upload> upload_;
};

}  // namespace tradeoff::model
