// libFuzzer's entry: tradeoff_fuzz --target=NAME [libFuzzer's own words and corpora].
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "target.hpp"
#include "tradeoff/base/error.hpp"

namespace {

const tradeoff::fuzz::Target* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* count, char*** words) {
  constexpr std::string_view kOption = "--target=";
  for (int i = 1; i < *count; ++i) {
    const std::string_view word = (*words)[i];
    if (!word.starts_with(kOption)) continue;
    try {
      chosen = &tradeoff::fuzz::target_of(word.substr(kOption.size()));
    } catch (const tradeoff::Error& error) {
      std::fprintf(stderr, "%s\n", error.what());
      std::exit(2);
    }
  }
  if (chosen) return 0;
  std::fputs("usage: tradeoff_fuzz --target=NAME [libFuzzer's options] [CORPUS]\n", stderr);
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  tradeoff::fuzz::run(*chosen, {reinterpret_cast<const char*>(bytes), size});
  return 0;
}
