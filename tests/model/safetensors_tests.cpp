// A file of safetensors is read to the last byte, and refused by name where anything is off.
#include "tradeoff/model/safetensors.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "tradeoff/base/error.hpp"

namespace tradeoff::model {
namespace {

namespace fs = std::filesystem;

struct Safetensors : testing::Test {
  fs::path path =
      fs::temp_directory_path() / ("tradeoff-" + std::to_string(::getpid()) + ".safetensors");
  void TearDown() override { fs::remove(path); }

  void write(std::string header, const std::string& data, std::size_t padded = 0) {
    header.resize(std::max(header.size(), padded), ' ');
    const std::uint64_t size = header.size();
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&size), 8) << header << data;
  }
  std::string error_of(const std::string& header, const std::string& data) {
    write(header, data);
    try {
      SafetensorsFile file{path};
    } catch (const Error& error) {
      return error.what();
    }
    return "(no error)";
  }
};
#define EXPECT_HAS(text, part) EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

TEST_F(Safetensors, tensors_are_their_bytes_by_name_shape_and_type) {
  write(R"({"__metadata__":{"format":"pt"},)"
        R"("b":{"dtype":"BF16","shape":[2,1],"data_offsets":[3,7]},)"
        R"("a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})",
        "abcDEFG");
  const SafetensorsFile file(path);
  ASSERT_EQ(file.tensors().size(), 2u);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  for (const StoredTensor& tensor : file.tensors()) {
    const std::string bytes(reinterpret_cast<const char*>(tensor.bytes.data()),
                            tensor.bytes.size());
    EXPECT_EQ(bytes, tensor.name == "a" ? "abc" : "DEFG");
    EXPECT_EQ(tensor.dtype, tensor.name == "a" ? Dtype::u8 : Dtype::bf16);
    EXPECT_EQ(tensor.shape, tensor.name == "a" ? std::vector<std::int64_t>({3})
                                               : std::vector<std::int64_t>({2, 1}));
  }
}

TEST_F(Safetensors, what_is_written_is_read_back) {
  const std::string data = "0123456789ab";
  const std::vector<TensorSpec> specs = {{"x", Dtype::f32, {2}}, {"y", Dtype::i16, {2}}};
  write_safetensors(path, specs, [&](std::size_t i) {
    return std::as_bytes(std::span(data).subspan(i == 0 ? 0 : 8, specs[i].bytes()));
  });
  const SafetensorsFile file(path);
  ASSERT_EQ(file.tensors().size(), 2u);
  EXPECT_EQ(file.tensors()[1].name, "y");
  EXPECT_EQ(std::memcmp(file.tensors()[1].bytes.data(), "89ab", 4), 0);
}

TEST_F(Safetensors, faults_are_refused_by_tensor) {
  const std::string a = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":)";
  EXPECT_HAS(error_of(a + "[0,4]}}", "1234"), "a");                 // a span of another size
  EXPECT_HAS(error_of(a + "[4,12]}}", "123456789012"), "a");        // does not begin at 0
  EXPECT_HAS(error_of(a + "[0,8]}}", "123456789"), path.string());  // bytes behind the last tensor
  EXPECT_HAS(error_of(a + "[0,8]}}", "1234567"), path.string());    // cut off
  EXPECT_HAS(error_of(R"({"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,1]}})", "1"), "Q4");
  EXPECT_HAS(error_of(R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", "1"), "a");
  EXPECT_HAS(error_of("{", ""), path.string());
  EXPECT_EQ(error_of(a + "[0,8]}}", "12345678"), "(no error)");
}

// Header lengths whose first bytes are a pickle's magic: 0x80, then 2 to 5.
TEST_F(Safetensors, a_header_that_begins_like_a_pickle_is_read) {
  for (const std::uint64_t size : {640, 896, 1152, 1408}) {
    write(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x", size);
    EXPECT_EQ(SafetensorsFile(path).tensors().size(), 1u) << size;
  }
  std::ofstream(path, std::ios::binary) << "\x80\x02}q";
  EXPECT_ANY_THROW(SafetensorsFile{path});
}

}  // namespace
}  // namespace tradeoff::model
