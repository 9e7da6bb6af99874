// What a plan sends in one step, as flows that topology/link_load.hpp puts on the links.
#pragma once

#include <cstdint>
#include <vector>

#include "strategies/rank_order.hpp"
#include "strategies/workload.hpp"
#include "topology/link_load.hpp"

namespace lockstep {

// The ranks of a group: `degree` of them, `stride` apart.
struct GroupGrid {
  std::int64_t degree = 1;
  std::int64_t stride = 1;
  bool ends_only = false;  // only the first and the last of them
};

// Where the groups of a kind lie, in the plan's order of dimensions. pipeline_neighbor: the chain
// of all stages.
GroupGrid group_grid(const Plan& plan, GroupKind group);
// The same; `strides` are rank_strides(plan).
GroupGrid group_grid(const Plan& plan, GroupKind group, const RankStrides& strides);

// One flow for each name of collective and group, over all micro-batches of one step. Stages differ
// in how much they send: a flow stands for the stage that sends most of it, so a link that carries
// several flows may be shown with a little more than it has. Pure.
std::vector<Flow> plan_flows(const Plan& plan, const Workload& workload);

}  // namespace lockstep
