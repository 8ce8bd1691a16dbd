#include "tradeoff/base/out_of_memory.hpp"

#include <array>
#include <new>
#include <string>

#include "tradeoff/base/error.hpp"

namespace tradeoff {

std::string_view without_stack(std::string_view what) {
  for (const std::string_view begin : {"\nException raised from ", "\nframe #0: "})
    what = what.substr(0, what.find(begin));
  return what;
}

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
  const std::string_view said = without_stack(what);
  std::string text(said);
  text += "; ";
  text += change;
  text += what.substr(said.size());
  fail(text);
}

}  // namespace tradeoff
