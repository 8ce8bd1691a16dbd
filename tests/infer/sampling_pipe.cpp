// Draws tokens for sampling_golden.py: sampling_pipe LOGITS ROWS TEMPERATURE TOP_K TOP_P DRAWS OUT
// LOGITS holds float32 [ROWS, V]. Writes to OUT, for each row, DRAWS int64 tokens of the draws of
// item "<row>": sample k mod 1000, step k / 1000; then uint64 [V], the weight of each token.
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>

#include <cstdio>
#include <fstream>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/infer/sampling.hpp"

namespace tradeoff::infer {
namespace {

template <typename T>
void write(std::ofstream& out, const std::vector<T>& values) {
  out.write(reinterpret_cast<const char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(T)));
}

void run(char** words) {
  const MappedFile file(words[1]);
  const std::int64_t rows = std::stoll(words[2]), draws = std::stoll(words[6]);
  const std::int64_t vocabulary = static_cast<std::int64_t>(file.bytes().size()) / 4 / rows;
  Sampling sampling;
  sampling.temperature = std::stod(words[3]);
  sampling.top_k = std::stoll(words[4]);
  sampling.top_p = std::stod(words[5]);
  const at::Tensor logits =
      at::from_blob(const_cast<std::byte*>(file.bytes().data()), {rows, vocabulary},
                    at::TensorOptions(c10::ScalarType::Float));
  std::ofstream out(words[7], std::ios::binary);
  for (std::int64_t row = 0; row < rows; ++row) {
    const at::Tensor one = logits.narrow(0, row, 1);
    const auto weights =
        draw_weights({one.const_data_ptr<float>(), static_cast<std::size_t>(vocabulary)}, sampling);
    const DrawKey key = draw_key(0, 0, std::to_string(row));
    std::vector<double> uniforms;
    for (std::int64_t k = 0; k < draws; ++k)
      uniforms.push_back(uniform_draw(key, k % 1000, k / 1000));
    const at::Tensor tokens =
        draw(one, sampling, at::tensor(uniforms, c10::ScalarType::Double).view({1, -1}));
    const auto* const data = tokens.const_data_ptr<std::int64_t>();
    write(out, std::vector<std::int64_t>(data, data + draws));
    write(out, weights);
  }
  check(out.good(), std::string(words[7]) + ": cannot be written");
}

}  // namespace
}  // namespace tradeoff::infer

int main(int argc, char** argv) {
  if (argc != 8) {
    std::fprintf(stderr, "usage: sampling_pipe LOGITS ROWS TEMPERATURE TOP_K TOP_P DRAWS OUT\n");
    return 2;
  }
  try {
    tradeoff::infer::run(argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sampling_pipe: %s\n", error.what());
    return 1;
  }
}
