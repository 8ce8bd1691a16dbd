#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/gguf.hpp"

namespace tradeoff {
namespace {

// Bytes of a GGUF file put together by hand, after the specification.
struct Bytes {
  std::string text;
  template <typename T>
  Bytes& number(T value) {
    text.append(reinterpret_cast<const char*>(&value), sizeof(T));
    return *this;
  }
  Bytes& u32(std::uint32_t value) { return number(value); }
  Bytes& u64(std::uint64_t value) { return number(value); }
  Bytes& string(std::string_view value) {
    u64(value.size());
    text += value;
    return *this;
  }
  Bytes& head(std::uint64_t tensors, std::uint64_t values, std::uint32_t version = 3) {
    text += "GGUF";
    return u32(version).u64(tensors).u64(values);
  }
  Bytes& tensor(std::string_view name, std::vector<std::uint64_t> shape, std::uint32_t type,
                std::uint64_t offset) {
    string(name).u32(static_cast<std::uint32_t>(shape.size()));
    for (const auto size : shape) u64(size);
    return u32(type).u64(offset);
  }
  Bytes& pad(std::size_t alignment) {
    text.resize((text.size() + alignment - 1) / alignment * alignment);
    return *this;
  }
};

struct Gguf : testing::Test {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               ("tradeoff-gguf-" + std::to_string(::getpid()) + ".gguf");
  void TearDown() override { std::filesystem::remove(path); }

  GgufFile open(const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
    return GgufFile(path);
  }
  std::string error_of(const std::string& text) {
    try {
      open(text);
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find(path.string()), 0u) << error.what();
      return error.what();
    }
    return "no error";
  }
  void expect_error(const Bytes& bytes, const std::string& part) {
    EXPECT_NE(error_of(bytes.text).find(part), std::string::npos) << error_of(bytes.text);
  }
};

Bytes whole_file(std::uint32_t alignment = 64) {
  Bytes b;
  b.head(2, 9);
  b.string("general.alignment").u32(4).u32(alignment);
  b.string("u64").u32(10).u64(1ull << 40);
  b.string("i8").u32(1).number(std::int8_t{-3});
  b.string("f32").u32(6).number(0.5f);
  b.string("flag").u32(7).number(std::uint8_t{1});
  b.string("name").u32(8).string("llama");
  b.string("words").u32(9).u32(8).u64(3).string("a").string("").string("long word");
  b.string("types").u32(9).u32(5).u64(2).number(std::int32_t{-1}).number(std::int32_t{7});
  b.string("scores").u32(9).u32(6).u64(2).number(1.5f).number(-2.f);
  b.tensor("first", {3, 2}, 0, 0).tensor("second", {32, 2}, 3, alignment);
  b.pad(alignment);
  for (int i = 0; i < 6; ++i) b.number(static_cast<float>(i));
  b.pad(alignment);
  for (int i = 0; i < 40; ++i) b.number(static_cast<std::uint8_t>(i));
  return b;
}

TEST_F(Gguf, reads_every_kind_of_value_and_tensor) {
  const GgufFile file = open(whole_file().text);
  EXPECT_TRUE(file.has("u64"));
  EXPECT_FALSE(file.has("u65"));
  EXPECT_EQ(file.uint_value("u64"), 1ull << 40);
  EXPECT_EQ(file.real_value("f32"), 0.5);
  EXPECT_TRUE(file.bool_value("flag"));
  EXPECT_EQ(file.string_value("name"), "llama");
  EXPECT_EQ(file.strings("words"), (std::vector<std::string>{"a", "", "long word"}));
  EXPECT_EQ(file.ints("types"), (std::vector<std::int64_t>{-1, 7}));
  EXPECT_EQ(file.floats("scores"), (std::vector<float>{1.5f, -2.f}));
  ASSERT_EQ(file.tensors().size(), 2u);
  const GgufTensor& first = file.tensor("first");
  EXPECT_EQ(first.type, GgmlType::F32);
  EXPECT_EQ(first.shape, (std::vector<std::uint64_t>{3, 2}));
  ASSERT_EQ(first.data.size(), 24u);
  float last;
  std::memcpy(&last, first.data.data() + 20, 4);
  EXPECT_EQ(last, 5.f);
  const GgufTensor& second = file.tensor("second");
  EXPECT_EQ(second.data.size(), 40u);  // two rows of one 20-byte block of 32 elements
  EXPECT_EQ(static_cast<int>(second.data[39]), 39);
  EXPECT_EQ(name_of(second.type), "Q4_1");
}

TEST_F(Gguf, version_2_and_no_tensors_are_read) {
  EXPECT_EQ(open(Bytes().head(0, 0, 2).text).tensors().size(), 0u);
}

TEST_F(Gguf, wrong_types_and_missing_keys_are_named) {
  const GgufFile file = open(whole_file().text);
  const auto said = [&](auto call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(said([&] { file.uint_value("name"); }).find("found string, expected an integer"),
            std::string::npos);
  EXPECT_NE(said([&] { file.uint_value("i8"); }).find("found -3"), std::string::npos);
  EXPECT_NE(said([&] { file.strings("types"); }).find("found an array of int32"),
            std::string::npos);
  EXPECT_NE(said([&] { file.floats("words"); }).find("found an array of string"),
            std::string::npos);
  EXPECT_NE(said([&] { file.ints("u64"); }).find("found uint64, expected an array"),
            std::string::npos);
  EXPECT_NE(said([&] { file.string_value("nowhere"); }).find("missing key \"nowhere\""),
            std::string::npos);
  EXPECT_NE(said([&] { file.tensor("third"); }).find("no tensor \"third\""), std::string::npos);
}

TEST_F(Gguf, numbers_that_are_not_finite_are_named) {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    Bytes bytes;
    bytes.head(0, 3).string("theta").u32(6).number(bad);
    bytes.string("wide").u32(12).number(static_cast<double>(bad));
    bytes.string("scores").u32(9).u32(6).u64(2).number(0.5f).number(bad);
    const GgufFile file = open(bytes.pad(32).text);
    const auto said = [](const auto& act) -> std::string {
      try {
        act();
      } catch (const Error& error) {
        return error.what();
      }
      return "no error";
    };
    for (const char* key : {"theta", "wide"}) {
      EXPECT_NE(said([&] { (void)file.real_value(key); }).find(std::string("key \"") + key + "\""),
                std::string::npos);
    }
    EXPECT_NE(said([&] { (void)file.floats("scores"); }).find("a finite number"),
              std::string::npos);
  }
}

TEST_F(Gguf, every_truncation_is_an_error) {
  const std::string whole = whole_file().text;
  for (std::size_t size = 0; size < whole.size(); ++size)
    ASSERT_NE(error_of(whole.substr(0, size)), "no error") << size << " bytes";
}

// A changed byte gives an error or another valid file, and never a read outside the file (run with
// sanitizers).
TEST_F(Gguf, every_changed_byte_is_survived) {
  const std::string whole = whole_file().text;
  int errors = 0;
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const char value : {'\x00', '\x7f', '\xff'}) {
      std::string changed = whole;
      changed[at] = value;
      std::ofstream(path, std::ios::binary) << changed;
      try {
        const GgufFile file(path);
        for (const GgufTensor& tensor : file.tensors())
          ASSERT_LE(tensor.data.data() + tensor.data.size(),
                    file.tensors().back().data.data() + changed.size());
        if (file.has("words")) file.strings("words");
      } catch (const Error&) {
        ++errors;
      }
    }
  EXPECT_GT(errors, 300);
}

TEST_F(Gguf, hostile_headers_are_refused_before_allocation) {
  expect_error(Bytes{"GGML0000000000000000000000"}, "not a GGUF file");
  expect_error(Bytes().head(0, 0, 1), "version is 1");
  expect_error(Bytes().head(0, 0, 0x03000000), "version is 50331648");
  expect_error(Bytes().head(~0ull, 0), "tensor count is 18446744073709551615");
  expect_error(Bytes().head(0, 1ull << 60), "metadata count is 1152921504606846976");
  expect_error(Bytes().head(0, 1).u64(~0ull).pad(64), "metadata key needs");
  expect_error(Bytes().head(0, 1).string("k").u32(13).pad(64), "value type 13");
  expect_error(Bytes().head(0, 1).string("k").u32(9).u32(9).u64(0).pad(64), "array of arrays");
  // 2^61 values of 8 bytes wrap to 0 bytes.
  expect_error(Bytes().head(0, 1).string("k").u32(9).u32(10).u64(1ull << 61).pad(64), "length of");
  expect_error(Bytes().head(0, 1).string("k").u32(9).u32(8).u64(1ull << 40).pad(64), "length of");
  expect_error(
      Bytes().head(0, 2).string("k").u32(0).number('a').string("k").u32(0).number('b').pad(64),
      "\"k\" stands twice");
}

TEST_F(Gguf, hostile_tensors_are_refused) {
  const auto with = [](std::vector<std::uint64_t> shape, std::uint32_t type, std::uint64_t offset) {
    return Bytes().head(1, 0).tensor("t", std::move(shape), type, offset).pad(32).pad(1024);
  };
  EXPECT_EQ(open(with({4}, 0, 0).text).tensors().size(), 1u);
  expect_error(with({}, 0, 0), "0 dimensions");
  expect_error(with({1, 1, 1, 1, 1}, 0, 0), "5 dimensions");
  expect_error(with({0}, 0, 0), "dimension of 0");
  expect_error(with({4}, 4, 0), "ggml type 4");  // Q4_2, removed from ggml
  expect_error(with({4}, 0xffffffff, 0), "ggml type 4294967295");
  expect_error(with({33}, 3, 0), "multiple of 32 for Q4_1");
  expect_error(with({1ull << 62}, 0, 0), "larger than the file");  // x 4 bytes wraps to 0
  expect_error(with({1ull << 32, 1ull << 32}, 0, 0), "larger than the file");
  expect_error(with({1ull << 63, 2, 0, 1}, 24, 0), "larger than the file");
  expect_error(with({4}, 0, 32), "offset 32, expected 0");
  expect_error(with({4}, 0, ~0ull - 15), "offset 18446744073709551600, expected 0");
  expect_error(Bytes().head(2, 0).tensor("t", {4}, 0, 0).tensor("t", {4}, 0, 32).pad(1024),
               "\"t\" stands twice");
  expect_error(Bytes().head(2, 0).tensor("t", {16}, 0, 0).tensor("overlap", {4}, 0, 32).pad(1024),
               "offset 32, expected 64");
}

TEST_F(Gguf, alignment_must_be_a_power_of_two) {
  const auto with = [](std::uint32_t alignment) {
    return Bytes()
        .head(1, 1)
        .string("general.alignment")
        .u32(4)
        .u32(alignment)
        .tensor("t", {4}, 0, 0)
        .pad(4096);
  };
  for (const std::uint32_t bad : {0u, 3u, 48u, 0xffffffffu})
    expect_error(with(bad), "power of two");
  expect_error(with(1u << 31), "truncated?");
}

TEST_F(Gguf, a_missing_file_and_a_folder_are_errors) {
  EXPECT_THROW(GgufFile("/nonexistent/model.gguf"), Error);
  EXPECT_THROW(GgufFile(std::filesystem::temp_directory_path()), Error);
}

}  // namespace
}  // namespace tradeoff
