#pragma once

/// The plan of faults as the environment tells it now, with no call counted; the former one stays
/// where a thread may hold it.
void plan_again();

/// Writes FAULT_COUNT.
void tell_calls();
