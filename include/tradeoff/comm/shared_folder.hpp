#pragma once
#include <chrono>
#include <filesystem>

#include "tradeoff/comm/session.hpp"

namespace tradeoff::comm {

/// Makes `folder`, and throws Error on every rank unless all of them see there what rank 0 writes,
/// naming the ranks and hosts that do not: a folder of the same name on each host's own disk would
/// be found out only when the results are gathered. Collective; a single process looks at nothing.
/// `patience`: how long a network file system may take to show a new file.
void check_shared_folder(const Session& session, const std::filesystem::path& folder,
                         std::chrono::milliseconds patience = std::chrono::seconds(10));

}  // namespace tradeoff::comm
