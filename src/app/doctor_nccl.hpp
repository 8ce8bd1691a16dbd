#pragma once
#include <c10/core/Device.h>

#include "doctor_site.hpp"

namespace tradeoff::app {

/// One all-reduce over NCCL, with its bandwidth and the interfaces that NCCL says it takes. Where
/// the ranks compute on CPUs it says so. Collective.
SiteFinding look_at_nccl(const comm::Session& session, const c10::Device& device);

}  // namespace tradeoff::app
