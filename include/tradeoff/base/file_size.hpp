#pragma once
#include <cstddef>

#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff {

/// Throws Error naming the file where it has more than `mebibytes` MiB: a limit for kinds of files
/// that are never so large, before anything of them is read.
void check_size(const MappedFile& file, std::size_t mebibytes);

}  // namespace tradeoff
