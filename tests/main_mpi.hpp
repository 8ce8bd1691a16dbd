#pragma once
#include "tradeoff/comm/session.hpp"

namespace tradeoff::comm {
/// The session that main_mpi.cpp holds around the tests; every rank runs every test.
extern const Session* test_session;
}  // namespace tradeoff::comm
