#pragma once
#include <filesystem>
#include <functional>

namespace tradeoff::store {

/// Throws Error unless `path` may be read in this process: the HDF5 library can crash or run
/// without end on a damaged file. A file whose SHA-256 the complete.json beside it confirms is as
/// it was written; one that it contradicts is refused. Any other is read by a child process first
/// (`read`), whose crash costs a message.
void check_readable(const std::filesystem::path& path, const std::function<void()>& read);

}  // namespace tradeoff::store
