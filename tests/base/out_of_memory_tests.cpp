#include "tradeoff/base/out_of_memory.hpp"

#include <gtest/gtest.h>

#include <new>
#include <string>

#include "tradeoff/base/error.hpp"

namespace tradeoff {
namespace {

std::string message_of(const std::exception& error) {
  try {
    fail_out_of_memory(error, "--chunk-size below 64 takes less");
  } catch (const Error& told) {
    return told.what();
  }
}

TEST(OutOfMemory, what_each_allocator_says_is_known) {
  EXPECT_TRUE(is_out_of_memory(std::bad_alloc()));
  for (const char* what : {"CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total ...",
                           "CUDA error: out of memory",
                           "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: "
                           "can't allocate memory: you tried to allocate 64 bytes.",
                           "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"})
    EXPECT_TRUE(is_out_of_memory(std::runtime_error(what))) << what;
  EXPECT_FALSE(is_out_of_memory(Error("items.jsonl: line 3: found no id")));
}

TEST(OutOfMemory, the_option_to_change_stands_before_the_stack_of_libtorch) {
  EXPECT_EQ(message_of(std::runtime_error("CUDA out of memory. Tried to allocate 2.00 GiB.")),
            "CUDA out of memory. Tried to allocate 2.00 GiB.; --chunk-size below 64 takes less");
  for (const std::string stack : {"\nException raised from alloc at alloc.cpp:3\nframe #0: a",
                                  "\nframe #0: b\nframe #1: c"}) {
    const std::string told = message_of(std::runtime_error("CUDA out of memory." + stack));
    EXPECT_EQ(told, "CUDA out of memory.; --chunk-size below 64 takes less" + stack);
    EXPECT_EQ(without_stack(told), "CUDA out of memory.; --chunk-size below 64 takes less");
  }
  // It is still told as what it is.
  EXPECT_TRUE(is_out_of_memory(Error(message_of(std::bad_alloc()))));
}

TEST(OutOfMemory, other_errors_and_results_pass) {
  EXPECT_EQ(where_memory_may_end("less", [] { return 3; }), 3);
  EXPECT_THROW(where_memory_may_end("less", []() -> int { throw std::out_of_range("place"); }),
               std::out_of_range);
  EXPECT_THROW(where_memory_may_end("less", []() -> int { throw std::bad_alloc(); }), Error);
}

}  // namespace
}  // namespace tradeoff
