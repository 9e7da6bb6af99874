// Bytes of every flow on every kind of link, on as many nodes as differ.
//
// The GPUs are cut into stretches that hold whole domains, nodes and leaf units. Seen from a
// stretch, a flow repeats after `period` stretches (see there), so a few of them show every link
// that can be the busiest. Source of the bytes: flow_traffic.hpp. Time on a link: bytes /
// bandwidth, both directions apart. Ignored: protocol overhead, latency, that flows of a step do
// not all run at the same time (the sum is what a link has to carry in a step, not a queue), and
// hash collisions: a leaf's uplinks share their load evenly.
#include "topology/link_load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <set>

#include "topology/flow_traffic.hpp"
#include "topology/node_paths.hpp"

namespace lockstep {
namespace {

// More stretches than this are not looked at.
constexpr std::int64_t most_stretches = 256;

UnitSizes unit_sizes(const Cluster& cluster) {
  const System& system = cluster.system;
  UnitSizes units;
  units.domain = std::max<std::int64_t>(1, system.gpus_per_nvlink_domain);
  units.node = std::max<std::int64_t>(1, system.gpus_per_node);
  units.gpus = gpu_count(cluster);
  const std::int64_t whole = std::max<std::int64_t>(1, cluster.nodes) * units.node;
  const std::int64_t leaf = cluster.fabric.nodes_per_leaf * units.node;
  const bool one = cluster.fabric.type == FabricType::single_switch || leaf < 1 || leaf >= whole;
  units.leaf = one ? whole : leaf;
  units.pod = whole;
  return units;
}

// GPUs of a stretch: whole domains, nodes and, where there are several, leaf units.
std::int64_t stretch_size(const UnitSizes& units) {
  const std::int64_t domains = std::lcm(units.domain, units.node);
  return units.leaf < units.gpus ? std::lcm(domains, units.leaf) : domains;
}

// After how many stretches of `size` GPUs a flow looks the same:
//   block = degree * stride lies whole in a stretch (size mod block = 0): 1
//   a stretch lies whole in a block (block mod size = 0): members in a stretch have the same
//     distances everywhere: 1, but for chains, whose ends differ: block / size
//   else: block / gcd(block, size)
std::int64_t period(const Flow& flow, std::int64_t size) {
  const std::int64_t block = flow.degree * flow.stride;
  const bool chain = flow.collective == Collective::send_recv || flow.ends_only;
  if (size % block == 0) return 1;
  if (block % size == 0) return chain && flow.stride < size ? block / size : 1;
  return block / std::gcd(block, size);
}

// The stretches to look at: one period, at the start and at every step of a chain.
std::vector<std::int64_t> stretches(const std::vector<Flow>& flows, const UnitSizes& units,
                                    std::int64_t size, bool& complete) {
  const std::int64_t all = (units.gpus + size - 1) / size;
  std::int64_t repeat = 1;
  for (const Flow& flow : flows)
    repeat = std::min(most_stretches, std::lcm(repeat, period(flow, size)));
  std::set<std::int64_t> starts{0};
  for (const Flow& flow : flows) {
    const bool chain = flow.collective == Collective::send_recv || flow.ends_only;
    if (!chain || flow.stride < size) continue;
    for (const std::int64_t k : {std::int64_t{0}, std::int64_t{1}, flow.degree - 1}) {
      starts.insert(k * flow.stride / size);
    }
  }
  std::set<std::int64_t> chosen;
  for (const std::int64_t start : starts) {
    for (std::int64_t i = 0; i < repeat && start + i < all; ++i) chosen.insert(start + i);
  }
  complete = repeat < most_stretches || static_cast<std::int64_t>(chosen.size()) == all;
  return {chosen.begin(), chosen.end()};
}

// What one link carries for each flow.
struct Carried {
  std::vector<double> bytes, seconds;
  [[nodiscard]] double busy() const { return std::accumulate(seconds.begin(), seconds.end(), 0.0); }
};

// The links of one stretch, and what the flow being visited puts on them.
class Stretch {
 public:
  Stretch(const Cluster& cluster, const ClusterGraph& graph, const UnitSizes& units,
          std::int64_t size, std::size_t flows)
      : units_(units),
        size_(size),
        flow_count_(flows),
        mesh_(cluster.system.intra_node == IntraNode::nvlink_mesh),
        pcie_domain_(cluster.system.intra_node == IntraNode::pcie),
        node_(node_paths(graph, 0, cluster.system.peer_to_peer)),
        routes_(routes(cluster, graph)) {
    for (std::int64_t leaf = 0;; ++leaf) {
      const std::optional<std::size_t> part = graph.find(fmt::format("unit0.leaf{}", leaf));
      if (!part) break;
      uplinks_.push_back(graph.incident(*part, LinkKind::uplink).value());
    }
    const auto gpus = static_cast<std::size_t>(size);
    nvlink_.resize(2 * gpus);
    switches_.resize(gpus / static_cast<std::size_t>(units.domain));
    hops_.resize(gpus / static_cast<std::size_t>(units.node) * 2 * node_.links.size());
    up_.resize((gpus / static_cast<std::size_t>(std::min(units.leaf, size)) + 1) * 2 *
               uplinks_.size());
  }

  void start(std::int64_t first_gpu) {
    first_ = first_gpu;
    for (std::vector<Carried>* all : {&nvlink_, &switches_, &hops_, &up_}) {
      for (Carried& link : *all) {
        link.bytes.assign(flow_count_, 0.0);
        link.seconds.assign(flow_count_, 0.0);
      }
    }
  }
  void flow(std::size_t number) { flow_ = number; }

  void inside(std::int64_t from, std::int64_t to, double bytes, std::int64_t ranks) {
    const double out = nvlink(from).value(), in = nvlink(to).value();
    if (pcie_domain_ || out <= 0.0 || in <= 0.0) {
      host(from, to, bytes);
      return;
    }
    const double together = mesh_ ? routes_.link(ranks).value() : 0.0;
    add(nvlink_[2 * index(from)], bytes, mesh_ ? together : out);
    add(nvlink_[2 * index(to) + 1], bytes, mesh_ ? together : in);
    if (!mesh_)
      add(switches_[index(from) / static_cast<std::size_t>(units_.domain)], bytes,
          out * static_cast<double>(units_.domain));
  }

  void host(std::int64_t from, std::int64_t to, double bytes) {
    const auto node = static_cast<std::size_t>(units_.node);
    put(from, node_.to_gpu[index(from) % node][index(to) % node], 0, bytes);
  }

  void out(std::int64_t gpu, double bytes, int climb) { through_nics(gpu, bytes, climb, 0); }
  void in(std::int64_t gpu, double bytes, int climb) { through_nics(gpu, bytes, climb, 1); }

  // Replaces what is in `best` where a link here is busier.
  void compare(std::array<std::optional<LinkLoad>, 7>& best) const;

 private:
  [[nodiscard]] std::size_t index(std::int64_t gpu) const {
    return static_cast<std::size_t>(gpu - first_);
  }
  [[nodiscard]] BytesPerSecond nvlink(std::int64_t gpu) const {
    return node_.nvlink[index(gpu) % static_cast<std::size_t>(units_.node)];
  }
  void add(Carried& link, double bytes, double bandwidth) const {
    link.bytes[flow_] += bytes;
    link.seconds[flow_] +=
        bandwidth > 0.0 ? bytes / bandwidth : std::numeric_limits<double>::infinity();
  }
  // `against`: 1 for the way back.
  void put(std::int64_t gpu, const Hops& hops, Hop against, double bytes) {
    const std::size_t node = index(gpu) / static_cast<std::size_t>(units_.node);
    for (const Hop each : hops) {
      const Hop hop = each ^ against;
      add(hops_[node * 2 * node_.links.size() + hop], bytes,
          node_.links[hop / 2].bandwidth.value());
    }
  }
  void through_nics(std::int64_t gpu, double bytes, int climb, Hop against) {
    const std::size_t local = index(gpu) % static_cast<std::size_t>(units_.node);
    const std::vector<std::size_t>& nics = node_.nics_of[local];
    const double share = bytes / static_cast<double>(nics.size());
    for (const std::size_t nic : nics) {
      const Wire& wire = node_.wires[nic];
      put(gpu, node_.to_wire[local][nic], against, share);
      put(gpu, {wire.out}, against, share);
      const auto leaf = static_cast<std::size_t>(wire.leaf);
      if (climb == 0 || leaf >= uplinks_.size()) continue;
      const auto unit = static_cast<std::size_t>(gpu / units_.leaf - first_ / units_.leaf);
      add(up_[(unit * uplinks_.size() + leaf) * 2 + against], share, uplinks_[leaf]);
    }
  }
  UnitSizes units_;
  std::int64_t size_;
  std::size_t flow_count_;
  bool mesh_, pcie_domain_;
  NodePaths node_;
  Routes routes_;
  std::vector<double> uplinks_;  // of each leaf of a unit, together
  std::int64_t first_ = 0;
  std::size_t flow_ = 0;
  std::vector<Carried> nvlink_;    // [GPU][out, in]
  std::vector<Carried> switches_;  // [domain]
  std::vector<Carried> hops_;      // [node][hop]
  std::vector<Carried> up_;        // [unit][leaf][up, down]
};

// "node0.gpu3" of the template, in another node: "node7.gpu3".
std::string renamed(const std::string& part, const char* kind, std::int64_t number) {
  const std::size_t dot = part.find('.');
  if (dot == std::string::npos || part.rfind(kind, 0) != 0) return part;
  return fmt::format("{}{}{}", kind, number, part.substr(dot));
}

LinkClass class_of(LinkKind kind) {
  switch (kind) {
    case LinkKind::nvlink:
      return LinkClass::nvlink;
    case LinkKind::pcie:
      return LinkClass::pcie;
    case LinkKind::socket:
      return LinkClass::socket;
    case LinkKind::network:
      return LinkClass::nic;
    case LinkKind::uplink:
      return LinkClass::leaf_uplink;
  }
  return LinkClass::core_uplink;
}

// Equal loads summed in another order are not a busier link.
constexpr double clearly_more = 1.0 + 1e-9;

void Stretch::compare(std::array<std::optional<LinkLoad>, 7>& best) const {
  const auto consider = [&](LinkClass link_class, const Carried& carried, const auto& named) {
    const double busy = carried.busy();
    std::optional<LinkLoad>& known = best[static_cast<std::size_t>(link_class)];
    if (busy <= 0.0 || (known && busy <= known->busy.value() * clearly_more)) return;
    LinkLoad load;
    load.link_class = link_class;
    named(load);
    load.busy = Seconds{busy};
    for (std::size_t i = 0; i < flow_count_; ++i) {
      load.bytes += Bytes{carried.bytes[i]};
      load.flows.push_back({{}, Bytes{carried.bytes[i]}, Seconds{carried.seconds[i]}});
    }
    known = std::move(load);
  };
  const auto node_number = [&](std::size_t gpu) {
    return (first_ + static_cast<std::int64_t>(gpu)) / units_.node;
  };
  const auto node_size = static_cast<std::size_t>(units_.node);
  for (std::size_t i = 0; i < nvlink_.size(); ++i) {
    consider(LinkClass::nvlink, nvlink_[i], [&](LinkLoad& load) {
      const std::size_t gpu = i / 2;
      load.from = fmt::format("node{}.gpu{}", node_number(gpu), gpu % node_size);
      load.to = mesh_ ? "its NVLinks"
                      : renamed(node_.nvlink_to[gpu % node_size], "node",
                                node_number(gpu / static_cast<std::size_t>(units_.domain) *
                                            static_cast<std::size_t>(units_.domain)));
      load.bandwidth = node_.nvlink[gpu % node_size];
      if (i % 2 == 1) std::swap(load.from, load.to);
    });
  }
  for (std::size_t i = 0; i < switches_.size(); ++i) {
    consider(LinkClass::nvswitch, switches_[i], [&](LinkLoad& load) {
      const std::size_t gpu = i * static_cast<std::size_t>(units_.domain);
      load.from = renamed(node_.nvlink_to[gpu % node_size], "node", node_number(gpu));
      load.bandwidth = node_.nvlink[gpu % node_size] * static_cast<double>(units_.domain);
    });
  }
  const std::size_t hops = 2 * node_.links.size();
  for (std::size_t i = 0; i < hops_.size(); ++i) {
    const Link& link = node_.links[i % hops / 2];
    consider(class_of(link.kind), hops_[i], [&](LinkLoad& load) {
      const std::int64_t node = node_number(i / hops * node_size);
      const auto here = [&](const std::string& part) {
        return renamed(renamed(part, "node", node), "unit", node * units_.node / units_.leaf);
      };
      load.from = here(i % 2 == 0 ? link.from : link.to);
      load.to = here(i % 2 == 0 ? link.to : link.from);
      load.bandwidth = link.bandwidth;
    });
  }
  for (std::size_t i = 0; i < up_.size(); ++i) {
    consider(LinkClass::leaf_uplink, up_[i], [&](LinkLoad& load) {
      const std::size_t leaf = i / 2 % uplinks_.size();
      const auto unit = static_cast<std::int64_t>(i / 2 / uplinks_.size());
      load.from = fmt::format("unit{}.leaf{}", first_ / units_.leaf + unit, leaf);
      load.to = "spine";
      load.bandwidth = BytesPerSecond{uplinks_[leaf]};
      if (i % 2 == 1) std::swap(load.from, load.to);
    });
  }
}

bool counts(const Flow& flow) {
  return flow.degree > 1 && flow.stride > 0 && flow.bytes > Bytes{} &&
         (flow.calls > 0 || flow.wrap_calls > 0);
}

}  // namespace

const char* to_string(LinkClass link_class) {
  constexpr const char* names[] = {"NVLink", "NVSwitch",     "PCIe",        "socket link",
                                   "NIC",    "leaf uplinks", "core uplinks"};
  return names[static_cast<std::size_t>(link_class)];
}

const char* key_of(LinkClass link_class) {
  constexpr const char* keys[] = {"nvlink", "nvswitch",    "pcie",       "socket",
                                  "nic",    "leaf_uplink", "core_uplink"};
  return keys[static_cast<std::size_t>(link_class)];
}

LinkLoads link_loads(const Cluster& cluster, const std::vector<Flow>& flows) {
  return link_loads(cluster, ClusterGraph{cluster}, flows);
}

LinkLoads link_loads(const Cluster& cluster, const ClusterGraph& graph,
                     const std::vector<Flow>& flows) {
  std::vector<Flow> used;
  std::copy_if(flows.begin(), flows.end(), std::back_inserter(used), counts);
  const UnitSizes units = unit_sizes(cluster);
  const std::int64_t size = stretch_size(units);
  LinkLoads result;
  std::array<std::optional<LinkLoad>, 7> best;
  Stretch stretch(cluster, graph, units, size, used.size());
  for (const std::int64_t number : stretches(used, units, size, result.complete)) {
    stretch.start(number * size);
    const std::int64_t end = std::min(units.gpus, (number + 1) * size);
    for (std::size_t i = 0; i < used.size(); ++i) {
      stretch.flow(i);
      FlowTraffic<Stretch> traffic(used[i], units, stretch);
      for (std::int64_t gpu = number * size; gpu < end; ++gpu) traffic.visit(gpu);
    }
    stretch.compare(best);
  }
  for (std::optional<LinkLoad>& load : best) {
    if (!load) continue;
    for (std::size_t i = 0; i < used.size(); ++i) load->flows[i].flow = used[i].name;
    const auto idle = [](const FlowLoad& flow) { return flow.bytes <= Bytes{}; };
    load->flows.erase(std::remove_if(load->flows.begin(), load->flows.end(), idle),
                      load->flows.end());
    result.classes.push_back(std::move(*load));
    const std::size_t last = result.classes.size() - 1;
    if (!result.bottleneck || result.classes[last].busy > result.classes[*result.bottleneck].busy)
      result.bottleneck = last;
  }
  return result;
}

}  // namespace lockstep
