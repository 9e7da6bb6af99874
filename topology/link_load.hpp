// What the links of a cluster carry while all process groups of a plan communicate: bytes and busy
// seconds of the busiest link of every class, and the link that is the bottleneck.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "topology/collectives/collective_model.hpp"
#include "topology/graph.hpp"

namespace lockstep {

// Where a byte can wait, from the GPU outwards.
enum class LinkClass { nvlink, nvswitch, pcie, socket, nic, leaf_uplink, core_uplink };

const char* to_string(LinkClass link_class);  // "NVLink of a GPU", "NVSwitch", "PCIe", …
const char* key_of(LinkClass link_class);     // "nvlink", "leaf_uplink" …: for JSON
LinkClass class_of(LinkKind kind);            // of links between two parts

// All groups of one kind doing one collective, some times a step. Ranks lie on the GPUs in order.
// Groups are those of group_shape(): `degree` ranks that are `stride` apart, cut from blocks of
// degree * stride.
struct Flow {
  std::string name;  // "tensor all_reduce"
  Collective collective = Collective::all_reduce;
  std::int64_t degree = 1;
  std::int64_t stride = 1;
  bool ends_only = false;  // of each group only the first and the last member take part
  Bytes bytes;             // of one call, as nccl-tests counts: the whole buffer
  double calls = 0;        // per step; of send_recv: from each member to the next, and as many back
  double wrap_calls = 0;   // of send_recv: from the last member to the first, and as many back
};

struct FlowLoad {
  std::string flow;
  Bytes bytes;   // per step
  Seconds busy;  // bytes over bandwidth
};

// The busiest link of a class, in its busier direction.
struct LinkLoad {
  LinkClass link_class = LinkClass::nvlink;
  std::string from, to;  // "node0.nic0", "unit0.leaf0"
  BytesPerSecond bandwidth;
  Bytes bytes;  // per step and direction
  Seconds busy;
  std::vector<FlowLoad> flows;  // those that use it; sum to `bytes` and `busy`
};

struct LinkLoads {
  std::vector<LinkLoad> classes;          // in the order of LinkClass; only those that carry bytes
  std::optional<std::size_t> bottleneck;  // of `classes`, the one that is busy longest
  // A GPU that must send through NICs and has none left: "node0.gpu0"; "" where all have a way.
  std::string cut_off;
  // False where uneven degrees repeat so late that only a part of the nodes was looked at.
  bool complete = true;
};

// Looks at as many nodes as differ, not at all of them: the cost does not grow with the number of
// GPUs. Flows without bytes, calls or a second member count for nothing. Infinite where a link has
// no bandwidth left. Pure.
LinkLoads link_loads(const Cluster& cluster, const std::vector<Flow>& flows);
LinkLoads link_loads(const Cluster& cluster, const ClusterGraph& graph,
                     const std::vector<Flow>& flows);

}  // namespace lockstep
