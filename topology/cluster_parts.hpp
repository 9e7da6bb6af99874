// The parts of a cluster and the links between them, as plain lists: what the graph is made from.
//
// Folded, only one part of each kind that differs is listed: the first node, a second one of the
// same NVLink domain where domains span nodes, one of the next domain, one below other leaves, one
// of another pod, and whatever a failure names. Each says how many it stands for, so the lists do
// not grow with the cluster and counts are still those of all of it. Whole, every part is listed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "topology/hardware.hpp"

namespace lockstep {

enum class PartKind { gpu, nvswitch, pcie_switch, cpu, nic, leaf, spine, core };
enum class LinkKind { nvlink, pcie, socket, network, uplink, core_uplink };

// "NVLink", "PCIe", "socket link", "NIC", "leaf uplinks", "spine uplinks"
const char* to_string(LinkKind kind);

struct Part {
  PartKind kind = PartKind::gpu;
  // The node; of an NVSwitch the first node of its domain; of a leaf its unit; of a spine its pod,
  // or no_pod; 0 of a core switch.
  std::int64_t owner = 0;
  std::int64_t index = 0;         // within the owner
  std::int64_t multiplicity = 1;  // parts of the cluster that this one stands for, itself included
  bool failed = false;            // its links are gone
};

inline constexpr std::int64_t no_pod = -1;

// "node0.gpu3", "node0.nvswitch0", "node0.pcie1", "node0.cpu0", "node0.nic2", "unit0.leaf3",
// "spine1" ("pod0.spine1" where there are pods), "core2".
std::string name(const Part& part);

// The part of that name, whether or not any cluster has it.
std::optional<Part> parse_part(std::string_view name);

// The number in "node12"; nothing for another text.
std::optional<std::int64_t> parse_node(std::string_view name);

bool same_part(const Part& a, const Part& b);  // kind, owner and index

// Between two parts by their place in the list. `from` is the lower one (GPU, NIC, leaf, spine).
// `bandwidth` is of one link, per direction.
struct PartLink {
  std::size_t from = 0, to = 0;
  LinkKind kind = LinkKind::nvlink;
  BytesPerSecond bandwidth;       // zero where it is gone
  std::int64_t parallel = 1;      // links of the one `from` that this one stands for
  std::int64_t multiplicity = 1;  // links of the whole cluster that this one stands for
  std::int64_t cause = -1;        // the failure that narrowed it, by its place in `failures`
};

struct ClusterParts {
  std::vector<Part> parts;
  std::vector<PartLink> links;
  std::vector<std::string> failures;    // "node3.nic2 is down", in the order of failed_items()
  std::vector<std::size_t> unresolved;  // of them, those that name a link which is not there
};

enum class Extent { folded, whole };

// Failures that name nothing of this cluster are left out (failure_problems() finds them).
ClusterParts cluster_parts(const Cluster& cluster, Extent extent = Extent::folded);

// Downlinks of one leaf with every port in use: nodes_per_leaf nodes, one NIC each in a
// rail-optimised fabric, all of them else.
BytesPerSecond leaf_downlinks(const Cluster& cluster);

}  // namespace lockstep
