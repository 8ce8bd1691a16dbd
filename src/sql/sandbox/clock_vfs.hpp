#pragma once

namespace tradeoff::sql {

/// Name of the file system layer registered by register_clockless_vfs().
inline constexpr const char* kClocklessVfs = "tradeoff-clockless";

/// The default VFS, except that it has no clock and no entropy: asking for the time fails and is
/// noted. Once a process.
void register_clockless_vfs();
/// True when a statement asked for the current time since the last call.
bool take_clock_asked();

}  // namespace tradeoff::sql
