// What offloaded state costs in time.
#pragma once

#include "strategies/workload.hpp"

namespace lockstep {

// A copy between a GPU and host memory while every GPU of the node does the same.
Seconds host_copy_time(const Cluster& cluster, Bytes bytes);

// Copies that run beside a unit of work of some length: what outlasts it. Both directions run at
// once; without overlap everything is exposed.
Seconds exposed_copies(const Cluster& cluster, const Plan& plan,
                       const std::vector<HostCopy>& copies, Seconds beside);

// The step's end on one rank: the update on the device is not in it.
struct HostUpdate {
  Seconds update;  // of the host
  Seconds copies;  // exposed
  [[nodiscard]] Seconds total() const { return update + copies; }
};
// `backward`: of the last micro-batch, beside which gradients leave.
HostUpdate host_update(const Cluster& cluster, const Plan& plan, const Stage& stage,
                       Seconds backward);

}  // namespace lockstep
