#pragma once
#include <exception>
#include <string_view>
#include <utility>

namespace tradeoff {

/// `what` without the stack that LibTorch puts behind what it has to say.
std::string_view without_stack(std::string_view what);

/// Whether memory ran out, the machine's or a GPU's.
bool is_out_of_memory(const std::exception& error);

/// Throws Error: what `error` says was asked for and is there, then `change`: which options take
/// less.
[[noreturn]] void fail_out_of_memory(const std::exception& error, std::string_view change);

/// work(); where memory runs out in it, the error names `change` too. Nothing is tried again: sizes
/// decide a result's last bits, so that they are the user's to change.
template <typename Work>
decltype(auto) where_memory_may_end(std::string_view change, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const std::exception& error) {
    if (!is_out_of_memory(error)) throw;
    fail_out_of_memory(error, change);
  }
}

}  // namespace tradeoff
