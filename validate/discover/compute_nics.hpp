// Which NICs of a node carry training traffic, and which are for storage or its management.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "topology/hardware.hpp"
#include "validate/discover/node_facts.hpp"

namespace lockstep {

struct ComputeNics {
  std::vector<std::string> names;
  double rate = 0;            // bytes per second of one
  bool rate_assumed = false;  // by the kind of NIC
  std::optional<Network> network;
  std::string why;  // how they were told from the others
  std::vector<std::string>
      others;  // one sentence each: "mlx5_4: fast, but it shares no PCIe switch with a GPU, …"
  std::vector<std::string> remarks;  // what is wrong with them
};

// The fastest NICs; of those, where any shares a PCIe switch with a GPU, the ones that do. NICs
// that are down and those below half of the fastest rate carry none. Source: NCCL's own preference
// for the nearest fastest NIC; storage NICs of DGX systems sit on switches or root ports of their
// own. Ignores: NCCL_IB_HCA and NCCL_SOCKET_IFNAME, by which a job may choose otherwise.
ComputeNics compute_nics(const NodeFacts& facts);

}  // namespace lockstep
