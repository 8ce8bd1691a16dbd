#include "tradeoff/quant/nf4_checkpoint.hpp"

#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "nf4_format.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff::quant {
namespace {

struct DtypeName {
  at::ScalarType dtype;
  const char* name;
};
constexpr DtypeName kDtypes[] = {
    {at::kFloat, "float32"}, {at::kBFloat16, "bfloat16"}, {at::kHalf, "float16"}};

const char* name_of(at::ScalarType dtype) {
  for (const auto& known : kDtypes) {
    if (known.dtype == dtype) return known.name;
  }
  fail(std::string("NF4: no bitsandbytes name for dtype ") + c10::toString(dtype));
}

at::ScalarType dtype_of(const std::string& name) {
  for (const auto& known : kDtypes) {
    if (known.name == name) return known.dtype;
  }
  fail("dtype is \"" + name + "\", expected float32, bfloat16 or float16");
}

// As Python's repr: fmt has the same shortest digits and the same switch to an exponent, but no
// ".0".
std::string python_float(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

at::Tensor bytes_tensor(std::string_view text) {
  const at::Tensor bytes = at::empty({static_cast<std::int64_t>(text.size())}, at::kByte);
  std::memcpy(bytes.mutable_data_ptr(), text.data(), text.size());
  return bytes;
}

// Fills in what the quant state holds; true where it says that absmax is nested.
bool parse_quant_state(const at::Tensor& bytes, Nf4Weight& weight) {
  check(bytes.scalar_type() == at::kByte && bytes.is_contiguous() && bytes.is_cpu(),
        std::string("found ") + c10::toString(bytes.scalar_type()) +
            ", expected u8 holding JSON text");
  const auto* text = static_cast<const char*>(bytes.const_data_ptr());
  const Json state = parse_json({text, static_cast<std::size_t>(bytes.numel())});
  check(state.is_object(), "expected a JSON object");
  const auto type = field<std::string>(state, "quant_type");
  check(type == "nf4", "quant_type is \"" + type + "\", expected nf4");
  weight.blocksize = field<int>(state, "blocksize");
  weight.dtype = dtype_of(field<std::string>(state, "dtype"));
  weight.shape = field<std::vector<std::int64_t>>(state, "shape");
  if (!state.contains("nested_offset")) return false;
  weight.nested_blocksize = field<int>(state, "nested_blocksize");
  weight.nested_offset = field<double>(state, "nested_offset");
  const auto nested_dtype = field<std::string>(state, "nested_dtype");
  check(nested_dtype == "float32", "nested_dtype is \"" + nested_dtype + "\", expected float32");
  return true;
}

}  // namespace

bool is_nf4_part(std::string_view key) {
  static constexpr std::array<std::string_view, 5> kSuffixes = {
      ".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", kQuantStateSuffix};
  return std::any_of(kSuffixes.begin(), kSuffixes.end(), [&](std::string_view suffix) {
    return key.ends_with(suffix) && key.substr(0, key.size() - suffix.size()).ends_with(".weight");
  });
}

std::string quant_state_json(const Nf4Weight& weight) {
  std::string json =
      fmt::format(R"({{"quant_type": "nf4", "blocksize": {}, "dtype": "{}", "shape": [{}])",
                  weight.blocksize, name_of(weight.dtype), fmt::join(weight.shape, ", "));
  if (weight.nested()) {
    json +=
        fmt::format(R"(, "nested_blocksize": {}, "nested_dtype": "float32", "nested_offset": {})",
                    weight.nested_blocksize, python_float(weight.nested_offset));
  }
  return json + "}";
}

std::vector<NamedTensor> to_tensors(const Nf4Weight& weight, const std::string& name) {
  check_consistent(weight);
  if (!std::isfinite(weight.nested_offset)) {
    fail(fmt::format("{}: the mean of absmax is {}: the weight has values that are not finite",
                     name, weight.nested_offset));
  }
  std::vector<NamedTensor> tensors = {{name, weight.packed},
                                      {name + ".absmax", weight.absmax},
                                      {name + ".quant_map", weight.quant_map}};
  if (weight.nested()) {
    tensors.emplace_back(name + ".nested_absmax", weight.nested_absmax);
    tensors.emplace_back(name + ".nested_quant_map", weight.nested_quant_map);
  }
  tensors.emplace_back(name + std::string(kQuantStateSuffix),
                       bytes_tensor(quant_state_json(weight)));
  return tensors;
}

Nf4Weight from_tensors(const std::string& name,
                       const std::function<at::Tensor(const std::string&)>& find) {
  const auto get = [&](const std::string& key) {
    at::Tensor tensor = find(key);
    check(tensor.defined(), key + ": missing, though the checkpoint holds this weight in NF4");
    return tensor;
  };
  const std::string state_key = name + std::string(kQuantStateSuffix);
  Nf4Weight weight;
  bool nested = false;
  const at::Tensor state = get(state_key);
  try {
    nested = parse_quant_state(state, weight);
  } catch (const std::exception& error) {
    fail(state_key + ": " + error.what());
  }
  // bitsandbytes may keep the bytes under another dtype (bnb_4bit_quant_storage).
  weight.packed = get(name).contiguous().view(at::kByte).reshape({-1, 1});
  weight.absmax = get(name + ".absmax");
  weight.quant_map = get(name + ".quant_map");
  if (nested) {
    weight.nested_absmax = get(name + ".nested_absmax");
    weight.nested_quant_map = get(name + ".nested_quant_map");
  }
  try {
    check_consistent(weight);
  } catch (const Error& error) {
    fail(name + ": " + error.what());
  }
  const at::Tensor map = weight.quant_map.cpu();
  check(std::equal(kNf4.begin(), kNf4.end(), map.const_data_ptr<float>()),
        name + ".quant_map: not the 16 values of NF4");
  return weight;
}

}  // namespace tradeoff::quant
