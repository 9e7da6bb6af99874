// A cluster as a network: its parts, ways and halves, what the groups of a plan put on its links,
// and what becomes of that when something breaks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/report/render.hpp"
#include "sim/report/report.hpp"
#include "topology/bisection.hpp"
#include "topology/cluster_shape.hpp"
#include "topology/link_load.hpp"

namespace lockstep {

// A plan to run on the cluster.
struct TopologyPlan {
  Model model;
  Training training;
  Plan plan;
};

// What is changed about the cluster, beside what its file says.
struct TopologyChange {
  std::vector<std::string> failed;
  std::vector<Degraded> degraded;
  std::optional<double> oversubscription;
  std::string placement;  // of the plan's ranks; "": as it is
  [[nodiscard]] bool any() const {
    return !failed.empty() || !degraded.empty() || oversubscription || !placement.empty();
  }
};

struct TopologyRequest {
  std::string title;  // the scenario's name, or the system's description
  Cluster cluster;
  std::optional<TopologyPlan> plan;
  TopologyChange change;
  std::string from, to;  // a route to show; "" for none
};

// What a cluster offers, and what a plan makes of it.
struct ClusterFigures {
  std::int64_t gpus = 0;  // in use
  Routes routes;
  std::int64_t nics_up = 0;  // of the node that has fewest
  BusBandwidth all_gather;   // of all GPUs, 256 MiB from each
  std::string all_gather_bound;
  Bisection bisection;
  std::optional<Seconds> step;  // of the plan
  std::string no_step;          // why there is none
  LinkLoads loads;              // of the plan; empty without one
};

struct WhatIf {
  std::string name;  // "a dead NIC"
  std::string what;  // "node0.nic0"
  TopologyChange change;
  ClusterFigures figures;
};

// One link of a route, in its direction.
struct RouteHop {
  std::string from, to;
  LinkKind kind = LinkKind::nvlink;
  BytesPerSecond bandwidth;  // NVLinks of a GPU to the planes of its switch together
};

struct RouteReport {
  std::string from, to;
  Route route;
  std::vector<RouteHop> hops;
  PathKind path = PathKind::dis;
};

struct TopologyReport {
  TopologyRequest request;
  Cluster changed;  // request.cluster with request.change
  NodeShape node;
  FabricShape fabric;
  std::vector<Distance> distances;
  std::int64_t parts_listed = 0;  // of the folded graph
  ClusterFigures figures;
  std::optional<ClusterFigures> changed_figures;  // where request.change is any
  std::vector<WhatIf> what_ifs;                   // where it is not, of a cluster of several nodes
  std::optional<RouteReport> route;               // in `changed`
};

// The names must be parts of the cluster and the changes valid (failure_problems()). Pure.
TopologyReport topology_report(const TopologyRequest& request);

// Applies a change but for the placement, which is the plan's.
Cluster with_change(const Cluster& cluster, const TopologyChange& change);

// Parts of the graph that a report lists, for messages: those of the folded graph.
std::vector<std::string> part_names(const Cluster& cluster);

std::string topology_text(const TopologyReport& report, const TextOptions& options);
std::string topology_json(const TopologyReport& report);

// Graphviz. Failed and narrowed links in red and dashed; `extent` whole draws every node.
std::string topology_dot(const Cluster& cluster, Extent extent);

// A node of the cluster as a drawing, at most `width` columns; lines end in a newline.
std::string node_drawing(const System& system, const Cluster& cluster, std::size_t width);

}  // namespace lockstep
