// Two ways to one number.
//
// Maximum flow (push-relabel) from all GPUs of one half to all of the other. Source: Ford and
// Fulkerson, "Maximal flow through a network", 1956; Dally and Towles, "Principles and practices of
// interconnection networks", 2004, section 3.3.1 for the bisection. Which nodes are in which half
// is the order of the nodes, as ranks lie; the worst of all cuts is not looked for.
//
// Counting, in a folded Clos tree. Let a leaf l have A(l) of NICs of the first half below it, B(l)
// of the second, and u(l) of uplinks; NICs count with their slots. A minimum cut puts each leaf,
// each pod's spines (all alike) and the cores on one side:
//   F(p, y) = sum over leaves l of pod p of min( other(l, y), own(l, y) + u(l) )
//   cut     = min over z of sum over pods p of min( F(p, z), F(p, not z) + k(p) )
// with y, z the sides, other(l, first) = B(l), own(l, first) = A(l), k(p) the links of a pod to the
// cores; with one pod k is nothing and z the side of its spines. Ignored: ways through the memory
// of other GPUs, spines that differ from each other within a pod (flow counts those).
#include "topology/bisection.hpp"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/push_relabel_max_flow.hpp>
#include <cmath>
#include <map>
#include <string>

#include <fmt/format.h>

#include "topology/cluster_shape.hpp"
#include "topology/failures.hpp"
#include "topology/stand_ins.hpp"

namespace lockstep {
namespace {

// Nodes in use, and which belong to the first half.
struct Halves {
  std::vector<std::int64_t> nodes;
  std::size_t first = 0;    // nodes of the first half; 0: the cut goes through the one domain
  std::int64_t domain = 0;  // GPUs of that domain in use

  [[nodiscard]] bool inside() const { return first == 0; }
  [[nodiscard]] std::int64_t split() const {
    return nodes[first];
  }  // first node of the second half
};

Halves halves_of(const Cluster& cluster) {
  Halves halves;
  const std::vector<std::int64_t> out = nodes_out(cluster);
  std::vector<std::int64_t> domains;
  for (std::int64_t node = 0; node < std::max<std::int64_t>(1, cluster.nodes); ++node) {
    if (std::binary_search(out.begin(), out.end(), node)) continue;
    halves.nodes.push_back(node);
    const std::int64_t domain = domain_of(cluster.system, node);
    if (domains.empty() || domains.back() != domain) domains.push_back(domain);
  }
  if (domains.size() < 2) {
    const auto all = static_cast<std::int64_t>(halves.nodes.size()) * cluster.system.gpus_per_node;
    halves.domain = cluster.gpus > 0 ? std::min(all, cluster.gpus) : all;
    return halves;
  }
  const std::int64_t middle = domains[domains.size() / 2];
  while (domain_of(cluster.system, halves.nodes[halves.first]) < middle) ++halves.first;
  return halves;
}

Bisection frame(const Cluster& cluster, const Halves& halves) {
  Bisection result;
  const System& system = cluster.system;
  if (halves.inside()) {
    result.gpus = halves.domain / 2;
    result.full = *system.link_bandwidth * static_cast<double>(result.gpus);
    return result;
  }
  const std::size_t smaller = std::min(halves.first, halves.nodes.size() - halves.first);
  result.nodes = static_cast<std::int64_t>(smaller);
  result.gpus = result.nodes * system.gpus_per_node;
  result.full = *system.nic_bandwidth * static_cast<double>(result.nodes * system.nics_per_node);
  return result;
}

void finish(Bisection& result, double bandwidth) {
  result.bandwidth = BytesPerSecond{bandwidth};
  result.share = result.full > BytesPerSecond{} ? bandwidth / result.full.value() : 1.0;
}

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
struct Pipe {
  std::int64_t capacity = 0;
  std::int64_t residual = 0;
  Traits::edge_descriptor reverse;
};
using FlowNetwork =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property, Pipe>;

void add_pipe(FlowNetwork& network, std::size_t from, std::size_t to, std::int64_t capacity) {
  const auto there = boost::add_edge(from, to, {capacity, 0, {}}, network).first;
  const auto back = boost::add_edge(to, from, {0, 0, {}}, network).first;
  network[there].reverse = back;
  network[back].reverse = there;
}

// Whole bytes per second keep the flow exact.
std::int64_t whole(BytesPerSecond bandwidth) {
  return static_cast<std::int64_t>(std::llround(bandwidth.value()));
}

// Within a domain of NVLinks nothing goes over the host.
bool belongs_inside(const System& system, LinkKind kind) {
  if (kind == LinkKind::nvlink) return true;
  const bool nvlink =
      system.intra_node == IntraNode::nvswitch || system.intra_node == IntraNode::nvlink_mesh;
  const bool whole_domain = nvlink && system.gpus_per_nvlink_domain >= system.gpus_per_node;
  return !whole_domain && (kind == LinkKind::pcie || kind == LinkKind::socket);
}

// NICs and leaves of one node, as far as they are up.
class Tree {
 public:
  explicit Tree(const Cluster& cluster)
      : graph_(cluster), shape_(fabric_shape(cluster)), stand_ins_(cluster, graph_) {
    for (const PartLink& link : graph_.part_links()) {
      const Part &from = graph_.parts()[link.from], &to = graph_.parts()[link.to];
      if (link.kind == LinkKind::network) {
        const double slot = graph_.incident(link.from, LinkKind::pcie).value();
        nics_[from.owner][to.index] += std::min(slot, link.bandwidth.value());
      } else if (link.kind == LinkKind::uplink) {
        uplinks_[from.owner][from.index] +=
            link.bandwidth.value() * static_cast<double>(link.parallel);
      } else if (link.kind == LinkKind::core_uplink) {
        core_[from.owner].add(link, from);
      }
    }
  }

  [[nodiscard]] const FabricShape& shape() const { return shape_; }
  // By number of the leaf in its unit.
  [[nodiscard]] const std::map<std::int64_t, double>& nics(std::int64_t node) {
    return nics_[stand_ins_.node(node)];
  }
  [[nodiscard]] double uplinks(std::int64_t unit, std::int64_t leaf) {
    return uplinks_[stand_ins_.unit(unit)][leaf];
  }
  [[nodiscard]] double core_links(std::int64_t pod) {
    return core_[stand_ins_.pod(pod)].mean() * static_cast<double>(shape_.spines);
  }

 private:
  // Uplinks of a spine, the mean over those of a pod.
  struct Spines {
    std::map<std::int64_t, std::pair<double, double>> by_index;  // weight, bandwidth
    void add(const PartLink& link, const Part& spine) {
      auto& [weight, bandwidth] = by_index[spine.index];
      weight = static_cast<double>(spine.multiplicity);
      bandwidth += link.bandwidth.value() * static_cast<double>(link.parallel);
    }
    [[nodiscard]] double mean() const {
      double sum = 0.0, weights = 0.0;
      for (const auto& [index, spine] : by_index) {
        weights += spine.first;
        sum += spine.first * spine.second;
      }
      return weights > 0.0 ? sum / weights : 0.0;
    }
  };

  ClusterGraph graph_;
  FabricShape shape_;
  StandIns stand_ins_;
  std::map<std::int64_t, std::map<std::int64_t, double>> nics_, uplinks_;
  std::map<std::int64_t, Spines> core_;
};

// F(p, first) and F(p, second) of the head of this file.
struct PodCut {
  double first = 0.0, second = 0.0;
};

double count_tree(const Cluster& cluster, const Halves& halves) {
  Tree tree(cluster);
  const FabricShape& shape = tree.shape();
  const bool one_switch = cluster.fabric.type == FabricType::single_switch;
  std::vector<PodCut> pods(static_cast<std::size_t>(shape.pods));
  std::size_t next = 0;
  for (std::int64_t unit = 0; unit < shape.units; ++unit) {
    std::map<std::int64_t, std::pair<double, double>> leaves;
    const std::int64_t end = (unit + 1) * shape.nodes_per_unit;
    for (; next < halves.nodes.size() && halves.nodes[next] < end; ++next) {
      for (const auto& [leaf, bandwidth] : tree.nics(halves.nodes[next])) {
        (next < halves.first ? leaves[leaf].first : leaves[leaf].second) += bandwidth;
      }
    }
    PodCut& pod = pods[static_cast<std::size_t>(unit / shape.units_per_pod)];
    for (const auto& [leaf, below] : leaves) {
      const double up = one_switch ? 0.0 : tree.uplinks(unit, leaf);
      pod.first += std::min(below.second, below.first + up);
      pod.second += std::min(below.first, below.second + up);
    }
  }
  if (!shape.has_cores()) return std::min(pods.front().first, pods.front().second);
  double first = 0.0, second = 0.0;
  for (std::size_t p = 0; p < pods.size(); ++p) {
    const double up = tree.core_links(static_cast<std::int64_t>(p));
    first += std::min(pods[p].first, pods[p].second + up);
    second += std::min(pods[p].second, pods[p].first + up);
  }
  return std::min(first, second);
}

}  // namespace

Bisection bisection_by_flow(const Cluster& cluster) {
  const Halves halves = halves_of(cluster);
  Bisection result = frame(cluster, halves);
  result.by_flow = true;
  const ClusterGraph graph(cluster, Extent::whole);
  const std::vector<Part>& parts = graph.parts();
  FlowNetwork network(parts.size() + 2);
  const std::size_t source = parts.size(), sink = source + 1;
  for (const PartLink& link : graph.part_links()) {
    if (halves.inside() && !belongs_inside(cluster.system, link.kind)) continue;
    const std::int64_t capacity = whole(link.bandwidth * static_cast<double>(link.parallel));
    if (capacity <= 0) continue;
    add_pipe(network, link.from, link.to, capacity);
    add_pipe(network, link.to, link.from, capacity);
  }
  const std::int64_t unlimited = std::int64_t{1} << 50;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].kind != PartKind::gpu || parts[i].failed) continue;
    const std::int64_t gpu = parts[i].owner * cluster.system.gpus_per_node + parts[i].index;
    const bool first = halves.inside() ? gpu < result.gpus : parts[i].owner < halves.split();
    if (halves.inside() && gpu >= halves.domain) continue;
    if (first) {
      add_pipe(network, source, i, unlimited);
    } else {
      add_pipe(network, i, sink, unlimited);
    }
  }
  const std::int64_t flow =
      boost::push_relabel_max_flow(network, source, sink,
                                   boost::capacity_map(boost::get(&Pipe::capacity, network))
                                       .residual_capacity_map(boost::get(&Pipe::residual, network))
                                       .reverse_edge_map(boost::get(&Pipe::reverse, network)));
  finish(result, static_cast<double>(flow));
  return result;
}

// Inside one domain the counted answer is that of NVSwitches: every GPU of a half at its own rate.
Bisection bisection_by_counting(const Cluster& cluster) {
  const Halves halves = halves_of(cluster);
  Bisection result = frame(cluster, halves);
  if (!halves.inside()) {
    finish(result, count_tree(cluster, halves));
    return result;
  }
  const ClusterGraph graph(cluster);
  const StandIns stand_ins(cluster, graph);
  double sum = 0.0;
  for (std::int64_t gpu = 0; gpu < result.gpus; ++gpu) {
    const std::int64_t node =
        stand_ins.node(halves.nodes[static_cast<std::size_t>(gpu / cluster.system.gpus_per_node)]);
    const auto part =
        graph.find(fmt::format("node{}.gpu{}", node, gpu % cluster.system.gpus_per_node));
    if (part) sum += graph.incident(*part, LinkKind::nvlink).value();
  }
  finish(result, sum);
  return result;
}

Bisection bisection(const Cluster& cluster) {
  const bool switched = cluster.system.intra_node == IntraNode::nvswitch;
  const bool one = domain_count(cluster) < 2 && !switched;
  return cluster.nodes <= whole_graph_nodes || one ? bisection_by_flow(cluster)
                                                   : bisection_by_counting(cluster);
}

}  // namespace lockstep
