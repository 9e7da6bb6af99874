// all_to_all and send_recv by their busiest resource: NCCL's tuning model does not know them.
#pragma once

#include "topology/collectives/nccl_model.hpp"

namespace lockstep::nccl {

// What the links carry for one group while its siblings do the same; GB/s.
struct PointToPointLinks {
  std::int64_t ranks = 1;
  std::int64_t ranks_on_node = 1;
  std::int64_t nodes = 1;
  double inside = 0.0;  // one GPU to all others of its node
  double pair = 0.0;    // one GPU to one other of its node
  double across = 0.0;  // the group's part of a node's NICs, as a ring leaves its leaf
  double nics = 0.0;    // the same, whatever lies above the NICs

  // Switches of a level that the group spans, and what of the NICs below passes up from one.
  struct Level {
    std::int64_t switches = 1;
    double share = 1.0;
  };
  Level leaves, pods;
  const char* inside_name = "";
  const char* across_name = "";
  double floor = 0.0;     // us
  double per_peer = 0.0;  // us
  const FabricPrior* inside_prior = nullptr;
  const FabricPrior* across_prior = nullptr;
};

PointToPoint all_to_all_cost(const PointToPointLinks& links);
PointToPoint send_recv_cost(const PointToPointLinks& links);

}  // namespace lockstep::nccl
