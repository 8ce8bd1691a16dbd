#include "tradeoff/model/safetensors.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace tradeoff::model {
namespace {

// Header lengths whose first bytes are a pickle's magic: 0x80, then 2 to 5.
TEST(Safetensors, a_header_that_begins_like_a_pickle_is_read) {
  const auto path = std::filesystem::temp_directory_path() / "tradeoff-like-a-pickle.safetensors";
  for (const std::uint64_t size : {640, 896, 1152, 1408}) {
    std::string text = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
    text.resize(size, ' ');
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&size), 8) << text << 'x';
    file.close();
    EXPECT_EQ(SafetensorsFile(path).tensors().size(), 1u) << size;
  }
  std::ofstream(path, std::ios::binary) << "\x80\x02}q";
  EXPECT_ANY_THROW(SafetensorsFile{path});
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace tradeoff::model
