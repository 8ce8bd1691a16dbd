#include "tradeoff/base/out_of_memory.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <string>

#include "tradeoff/base/error.hpp"

namespace tradeoff {

// Allocators say how much was asked for; std::bad_alloc, and the libraries of CUDA, do not.
bool is_out_of_memory(const std::exception& error) {
  constexpr std::array<std::string_view, 4> kSigns = {
      "out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "std::bad_alloc"};
  if (dynamic_cast<const std::bad_alloc*>(&error)) return true;
  const std::string_view what = error.what();
  for (const std::string_view sign : kSigns)
    if (what.find(sign) != what.npos) return true;
  return false;
}

void fail_out_of_memory(const std::exception& error, std::string_view change) {
  const std::string_view what = error.what();
  const std::size_t stack = std::min(what.find(kTorchStack), what.size());
  std::string text(what.substr(0, stack));
  text += "; ";
  text += change;
  text += what.substr(stack);
  fail(text);
}

}  // namespace tradeoff
