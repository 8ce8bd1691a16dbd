// Does what Python asks: one JSON object a line on standard input, one a line back. Tensors pass as
// raw files,
// {"file", "dtype", "shape"}. Requests:
//   {"op": "quantise", "weight": TENSOR, "name", "double_quant", "blocksize", "folder"}
//      -> {"tensors": {KEY: TENSOR}}, the files numbered in `folder`
//   {"op": "dequantise", "tensors": {KEY: TENSOR}, "name", "dtype", "file"}   -> {}, the values in
//   `file`. "copies": N of the weight, which the calls of "again" take in turn
//   {"op": "again", "repeat": N}   -> {"seconds": [N]}: the last of these calls alone, without its
//   files; on CUDA the mean of them, one after another
//   {"op": "threads", "count"}
// Optional "device".
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/base/progress.hpp"
#include "tradeoff/quant/nf4_checkpoint.hpp"

namespace {

using namespace tradeoff;

const std::map<std::string, at::ScalarType> kDtypes = {{"float32", at::kFloat},
                                                       {"bfloat16", at::kBFloat16},
                                                       {"float16", at::kHalf},
                                                       {"uint8", at::kByte}};

at::Tensor read(const Json& json, at::Device device) {
  const at::Tensor tensor = at::empty(field<std::vector<std::int64_t>>(json, "shape"),
                                      kDtypes.at(field<std::string>(json, "dtype")));
  const std::string bytes = read_text(field<std::string>(json, "file"));
  check(bytes.size() == tensor.nbytes(), "the file has another size than the tensor");
  std::memcpy(tensor.mutable_data_ptr(), bytes.data(), bytes.size());
  return tensor.to(device);
}

Json write(const at::Tensor& tensor, const std::string& file) {
  const at::Tensor host = tensor.cpu();
  std::ofstream(file, std::ios::binary)
      .write(static_cast<const char*>(host.const_data_ptr()),
             static_cast<std::streamsize>(host.nbytes()));
  for (const auto& [name, dtype] : kDtypes) {
    if (dtype == tensor.scalar_type()) {
      return {{"file", file}, {"dtype", name}, {"shape", tensor.sizes().vec()}};
    }
  }
  fail("no name for the tensor's dtype");
}

// The last call, for "again".
std::function<void()> last_call;

Json answer(const Json& request) {
  const auto op = field<std::string>(request, "op");
  const at::Device device(field_or<std::string>(request, "device", "cpu"));
  if (op == "threads") {
    at::set_num_threads(field<int>(request, "count"));
    return Json::object();
  }
  if (op == "again") {
    const int repeat = field<int>(request, "repeat");
    if (device.is_cuda()) {
      const auto stream = c10::impl::VirtualGuardImpl(device.type()).getStream(device);
      stream.synchronize();
      const Stopwatch clock;
      for (int i = 0; i < repeat; ++i) last_call();
      stream.synchronize();
      return {{"seconds", {clock.seconds() / repeat}}};
    }
    Json seconds = Json::array();
    for (int i = 0; i < repeat; ++i) {
      const Stopwatch clock;
      last_call();
      seconds.push_back(clock.seconds());
    }
    return {{"seconds", seconds}};
  }
  const auto name = field<std::string>(request, "name");
  if (op == "quantise") {
    const at::Tensor values = read(request.at("weight"), device);
    const quant::Nf4Options options{field_or(request, "blocksize", 64),
                                    field<bool>(request, "double_quant")};
    last_call = [=] { quant::quantise(values, options); };
    const quant::Nf4Weight weight = quant::quantise(values, options);
    Json reply;
    const auto folder = field<std::string>(request, "folder");
    for (const auto& [key, tensor] : quant::to_tensors(weight, name)) {
      const std::string file = folder + "/" + std::to_string(reply["tensors"].size()) + ".bin";
      reply["tensors"][key] = write(tensor, file);
    }
    return reply;
  }
  check(op == "dequantise", "unknown op " + op);
  const Json& tensors = request.at("tensors");
  const auto weight =
      quant::from_tensors(name, [&](const std::string& key) {
        return tensors.contains(key) ? read(tensors.at(key), at::kCPU) : at::Tensor();
      }).to(device);
  const auto dtype = kDtypes.at(field<std::string>(request, "dtype"));
  const at::Tensor out = at::empty(weight.shape, weight.packed.options().dtype(dtype));
  quant::dequantise(weight, out);
  std::vector<quant::Nf4Weight> copies(field_or<std::size_t>(request, "copies", 1), weight);
  for (quant::Nf4Weight& copy : copies) copy.packed = copy.packed.clone();
  last_call = [copies, out, next = std::size_t{0}]() mutable {
    quant::dequantise(copies[next++ % copies.size()], out);
  };
  write(out, field<std::string>(request, "file"));
  return Json::object();
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    Json reply;
    try {
      reply = answer(Json::parse(line));
    } catch (const std::exception& error) {
      reply = {{"error", error.what()}};
    }
    std::cout << to_line(reply) << std::endl;
  }
}
