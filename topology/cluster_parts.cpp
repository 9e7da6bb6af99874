#include "topology/cluster_parts.hpp"

#include <algorithm>
#include <utility>

#include "topology/cluster_shape.hpp"
#include "topology/failures.hpp"
#include "topology/representatives.hpp"

namespace lockstep {
namespace {

// NVLinks between the eight V100 of a DGX-1V, as `nvidia-smi topo -m` prints them: the hybrid cube
// mesh, six links a GPU. Source: NVIDIA, "DGX-1 with Tesla V100 system architecture", 2017,
// figure 4.
constexpr std::int64_t cube_mesh_gpus = 8;
constexpr int cube_mesh_links_per_gpu = 6;
constexpr int cube_mesh[cube_mesh_gpus][cube_mesh_gpus] = {
    {0, 1, 1, 2, 2, 0, 0, 0}, {1, 0, 2, 1, 0, 2, 0, 0}, {1, 2, 0, 2, 0, 0, 1, 0},
    {2, 1, 2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 1, 1, 2}, {0, 2, 0, 0, 1, 0, 2, 1},
    {0, 0, 1, 0, 1, 2, 0, 2}, {0, 0, 0, 1, 2, 1, 2, 0}};

using Numbers = std::vector<std::int64_t>;

void sort_once(Numbers& numbers) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

// The parts that failures name, by what they belong to.
struct Touched {
  Numbers nodes, domains, units, pods, spines, cores;

  Touched(const Cluster& cluster, const std::vector<FailedItem>& items) {
    for (const FailedItem& item : items) {
      if (item.whole_node) nodes.push_back(item.first.owner);
      if (item.whole_node) continue;
      // The other end of a link is not touched itself; only switches that then have one link less
      // than their like, a spine or a core, must be told apart.
      const bool upper = item.second && rank(item.second->kind) < rank(item.first.kind);
      add(cluster, upper ? *item.second : item.first);
      if (item.second) add_end(upper ? item.first : *item.second);
    }
    for (Numbers* numbers : {&nodes, &domains, &units, &pods, &spines, &cores}) sort_once(*numbers);
  }

 private:
  static int rank(PartKind kind) {
    if (kind == PartKind::core) return 4;
    if (kind == PartKind::spine) return 3;
    if (kind == PartKind::leaf) return 2;
    return kind == PartKind::nvswitch ? 1 : 0;
  }
  void add_end(const Part& part) {
    if (part.kind == PartKind::spine) spines.push_back(part.index);
    if (part.kind == PartKind::core) cores.push_back(part.index);
  }
  void add(const Cluster& cluster, const Part& part) {
    switch (part.kind) {
      case PartKind::nvswitch:
        domains.push_back(domain_of(cluster.system, part.owner));
        return;
      case PartKind::leaf:
        units.push_back(part.owner);
        return;
      case PartKind::spine:
        if (part.owner != no_pod) pods.push_back(part.owner);
        spines.push_back(part.index);
        return;
      case PartKind::core:
        cores.push_back(part.index);
        return;
      default:
        nodes.push_back(part.owner);
    }
  }
};

class Builder {
 public:
  Builder(const Cluster& cluster, Extent extent)
      : system_(cluster.system),
        node_(node_shape(cluster.system)),
        fabric_(fabric_shape(cluster)),
        rails_(cluster.fabric.type == FabricType::rail_optimized),
        whole_(extent == Extent::whole),
        nodes_(std::max<std::int64_t>(1, cluster.nodes)),
        nic_(*system_.nic_bandwidth) {
    // A GPU's slot feeds the NICs beside it: platforms are built so, and where GPU and NIC share a
    // faster switch than the host has (B300), pcie_bandwidth, which is to the host, does not say
    // it.
    const bool pcie_domain = system_.intra_node == IntraNode::pcie;
    pcie_ = std::max({pcie_domain ? *system_.link_bandwidth : *system_.pcie_bandwidth, nic_,
                      network_bandwidth_per_gpu(system_)});
    std::vector<FailedItem> items;
    if (!cluster.failed.empty() || !cluster.degraded.empty()) items = failed_items(cluster);
    choose(Touched(cluster, items));
    reserve();
    for (const Representative& node : chosen_nodes_) add_node(node.number, node.weight);
    for (std::size_t i = 0; i < chosen_units_.size(); ++i) add_uplinks(i);
    for (std::size_t i = 0; fabric_.has_cores() && i < chosen_pods_.size(); ++i) add_core_links(i);
    if (!items.empty()) fail(cluster, items);
  }

  ClusterParts take() && { return std::move(result_); }

 private:
  static Numbers all_of(std::int64_t count) {
    Numbers numbers;
    for (std::int64_t i = 0; i < count; ++i) numbers.push_back(i);
    return numbers;
  }

  // What to list of nodes, domains, units, pods, spines and cores.
  void choose(const Touched& touched) {
    const std::int64_t domain = system_.gpus_per_nvlink_domain;
    const bool spread = domain > system_.gpus_per_node;
    const Level domains{spread ? domain : 1, spread ? system_.gpus_per_node : 1, touched.domains};
    const Level units{fabric_.nodes_per_unit, 1, touched.units};
    const Level pods{fabric_.nodes_per_unit * fabric_.units_per_pod, 1, touched.pods};
    Numbers base{0, spread ? 1 : 0, first_node_of(system_, 1), units.start(1), pods.start(1)};
    if (spread)
      add_mates(base, touched, domains);
    else
      base.insert(base.end(), touched.domains.begin(), touched.domains.end());
    for (const std::int64_t u : touched.units) base.push_back(units.start(u));
    for (const std::int64_t p : touched.pods) base.push_back(pods.start(p));
    if (whole_) base = all_of(nodes_);
    chosen_nodes_ = fold(nodes_, base, touched.nodes, {domains, units, pods});

    Numbers of_domains, of_units, of_pods;
    for (const Representative& node : chosen_nodes_) {
      of_domains.push_back(domains.group(node.number));
      of_units.push_back(units.group(node.number));
      of_pods.push_back(pods.group(node.number));
    }
    const std::int64_t domain_total = domains.group(nodes_ - 1) + 1;
    chosen_domains_ = fold(domain_total, of_domains, touched.domains, {});
    chosen_units_ =
        fold(fabric_.units, of_units, touched.units, {{fabric_.units_per_pod, 1, touched.pods}});
    chosen_pods_ = fold(fabric_.pods, of_pods, touched.pods, {});
    const auto switches = [&](std::int64_t count, const Numbers& named) {
      return count < 1 ? std::vector<Representative>{}
                       : fold(count, whole_ ? all_of(count) : Numbers{}, named, {});
    };
    chosen_spines_ = switches(fabric_.spines, touched.spines);
    chosen_cores_ = switches(fabric_.cores, touched.cores);
  }

  // Of a domain that a failure touches two nodes besides, for something to be linked to; and two of
  // the first that none touches.
  void add_mates(Numbers& base, const Touched& touched, const Level& level) const {
    Numbers hurt = touched.domains;
    for (const std::int64_t node : touched.nodes) hurt.push_back(level.group(node));
    sort_once(hurt);
    std::int64_t healthy = 0;
    while (std::binary_search(hurt.begin(), hurt.end(), healthy)) ++healthy;
    if (!hurt.empty()) hurt.push_back(healthy);
    for (const std::int64_t domain : hurt) {
      int mates = 0;
      for (std::int64_t node = level.start(domain); node < level.start(domain + 1) && mates < 2;
           ++node) {
        if (std::binary_search(touched.nodes.begin(), touched.nodes.end(), node)) continue;
        base.push_back(node);
        ++mates;
      }
    }
  }

  void reserve() {
    const std::size_t nodes = chosen_nodes_.size();
    const auto gpus = static_cast<std::size_t>(node_.gpus);
    const auto nics = static_cast<std::size_t>(node_.nics);
    const std::size_t leaves =
        chosen_units_.size() * static_cast<std::size_t>(fabric_.leaves_per_unit);
    result_.parts.reserve(nodes * (2 * gpus + nics + static_cast<std::size_t>(node_.planes) + 4) +
                          leaves + chosen_spines_.size() * chosen_pods_.size() +
                          chosen_cores_.size());
    const std::size_t nvlinks = system_.intra_node == IntraNode::nvlink_mesh
                                    ? gpus / 2
                                    : static_cast<std::size_t>(node_.planes);
    result_.links.reserve(nodes * (gpus * (nvlinks + 2) + 2 * nics + 2) +
                          leaves * chosen_spines_.size());
  }

  std::size_t add(PartKind kind, std::int64_t owner, std::int64_t index, std::int64_t weight) {
    result_.parts.push_back({kind, owner, index, weight, false});
    return result_.parts.size() - 1;
  }
  void link(std::size_t from, std::size_t to, LinkKind kind, BytesPerSecond bandwidth,
            std::int64_t parallel = 1) {
    result_.links.push_back(
        {from, to, kind, bandwidth, parallel, result_.parts[from].multiplicity * parallel, -1});
  }

  void add_node(std::int64_t node, std::int64_t weight) {
    const std::size_t first_gpu = result_.parts.size();
    for (std::int64_t i = 0; i < node_.gpus; ++i) add(PartKind::gpu, node, i, weight);
    add_host(node, weight, first_gpu);
    if (system_.intra_node == IntraNode::nvswitch) add_nvswitches(node, weight, first_gpu);
    if (system_.intra_node == IntraNode::nvlink_mesh) add_mesh(first_gpu);
    if (system_.intra_node == IntraNode::nvlink_bridge) add_bridges(first_gpu);
  }

  // PCIe switches spread over the sockets, GPUs and NICs over the switches, in order; without
  // switches over the sockets.
  void add_host(std::int64_t node, std::int64_t weight, std::size_t first_gpu) {
    const std::size_t first_cpu = result_.parts.size();
    for (std::int64_t i = 0; i < node_.sockets; ++i) add(PartKind::cpu, node, i, weight);
    // Socket links carry all of a socket's GPUs: what they take off in truth is in NCCL's measured
    // constants.
    const BytesPerSecond socket = pcie_ * static_cast<double>(node_.gpus);
    for (std::int64_t i = 0; i < node_.sockets; ++i) {
      for (std::int64_t j = i + 1; j < node_.sockets; ++j)
        link(place(first_cpu, i, 1, 1), place(first_cpu, j, 1, 1), LinkKind::socket, socket);
    }
    std::size_t first_slot = first_cpu;
    std::int64_t slots = node_.sockets;
    if (node_.pcie_switches > 0) {
      slots = node_.pcie_switches;
      first_slot = result_.parts.size();
      for (std::int64_t i = 0; i < slots; ++i) {
        const std::size_t pcie = add(PartKind::pcie_switch, node, i, weight);
        link(pcie, place(first_cpu, i, node_.sockets, slots), LinkKind::pcie, pcie_);
      }
    }
    for (std::int64_t i = 0; i < node_.gpus; ++i)
      link(place(first_gpu, i, 1, 1), place(first_slot, i, slots, node_.gpus), LinkKind::pcie,
           pcie_);
    const std::size_t first_leaf = node_.nics > 0 ? leaves_of(node) : 0;
    for (std::int64_t i = 0; i < node_.nics; ++i) {
      const std::size_t nic = add(PartKind::nic, node, i, weight);
      link(nic, place(first_slot, i, slots, node_.nics), LinkKind::pcie, pcie_);
      link(nic, place(first_leaf, rails_ ? i : 0, 1, 1), LinkKind::network, nic_);
    }
  }

  // Of parts in a row from `first`: the i*of/over-th.
  static std::size_t place(std::size_t first, std::int64_t i, std::int64_t of, std::int64_t over) {
    return first + static_cast<std::size_t>(i * of / over);
  }

  // The planes of a domain belong to its first node, numbered on where several domains start there.
  void add_nvswitches(std::int64_t node, std::int64_t weight, std::size_t first_gpu) {
    const std::int64_t domain = std::max<std::int64_t>(1, system_.gpus_per_nvlink_domain);
    const BytesPerSecond of_plane = *system_.link_bandwidth / static_cast<double>(node_.planes);
    for (std::int64_t i = 0; i < node_.gpus; ++i) {
      const std::int64_t number = (node * node_.gpus + i) / domain;
      if (nvswitch_domain_ != number) add_planes(number, domain, weight);
      for (std::int64_t plane = 0; plane < node_.planes; ++plane)
        link(place(first_gpu, i, 1, 1), place(first_plane_, plane, 1, 1), LinkKind::nvlink,
             of_plane);
    }
  }
  void add_planes(std::int64_t number, std::int64_t domain, std::int64_t weight) {
    nvswitch_domain_ = number;
    const std::int64_t owner = number * domain / node_.gpus;
    const std::int64_t first_there = (owner * node_.gpus + domain - 1) / domain;
    if (domain > node_.gpus) weight = weight_of(chosen_domains_, number);
    first_plane_ = result_.parts.size();
    for (std::int64_t plane = 0; plane < node_.planes; ++plane)
      add(PartKind::nvswitch, owner, (number - first_there) * node_.planes + plane, weight);
  }

  static std::int64_t weight_of(const std::vector<Representative>& all, std::int64_t number) {
    for (const Representative& one : all) {
      if (one.number == number) return one.weight;
    }
    return 1;
  }

  // The hybrid cube mesh for eight GPUs, the only mesh of eight in the catalog; else every GPU to
  // every other.
  void add_mesh(std::size_t first_gpu) {
    const std::int64_t domain = system_.gpus_per_nvlink_domain;
    const bool cube = domain == cube_mesh_gpus;
    for (std::int64_t i = 0; i < node_.gpus; ++i) {
      for (std::int64_t j = i + 1; j < node_.gpus && j / domain == i / domain; ++j) {
        const double share =
            cube ? cube_mesh[i % domain][j % domain] / double{cube_mesh_links_per_gpu}
                 : 1.0 / static_cast<double>(domain - 1);
        if (share > 0.0)
          link(place(first_gpu, i, 1, 1), place(first_gpu, j, 1, 1), LinkKind::nvlink,
               *system_.link_bandwidth * share);
      }
    }
  }
  void add_bridges(std::size_t first_gpu) {
    for (std::int64_t i = 0; i + 1 < node_.gpus; i += 2)
      link(place(first_gpu, i, 1, 1), place(first_gpu, i + 1, 1, 1), LinkKind::nvlink,
           *system_.link_bandwidth);
  }

  // The first leaf of a node's unit.
  std::size_t leaves_of(std::int64_t node) {
    const std::int64_t unit = node / fabric_.nodes_per_unit;
    if (first_leaf_.empty() || result_.parts[first_leaf_.back()].owner != unit) {
      first_leaf_.push_back(result_.parts.size());
      const std::int64_t weight = chosen_units_[first_leaf_.size() - 1].weight;
      for (std::int64_t i = 0; i < fabric_.leaves_per_unit; ++i)
        add(PartKind::leaf, unit, i, weight);
    }
    return first_leaf_.back();
  }

  // The spines of a pod, made when first asked for; pods come in order.
  std::size_t spines_of(std::size_t pod) {
    if (pod == first_spine_.size()) {
      first_spine_.push_back(result_.parts.size());
      const Representative& one = chosen_pods_[pod];
      for (const Representative& spine : chosen_spines_)
        add(PartKind::spine, fabric_.has_cores() ? one.number : no_pod, spine.number,
            spine.weight * one.weight);
    }
    return first_spine_[pod];
  }

  void add_uplinks(std::size_t unit) {
    if (chosen_spines_.empty() || unit >= first_leaf_.size()) return;
    const std::int64_t pod_number = chosen_units_[unit].number / fabric_.units_per_pod;
    std::size_t pod = 0;
    while (chosen_pods_[pod].number != pod_number) ++pod;
    const std::size_t first = spines_of(pod);
    for (std::int64_t i = 0; i < fabric_.leaves_per_unit; ++i) {
      for (std::size_t s = 0; s < chosen_spines_.size(); ++s)
        link(place(first_leaf_[unit], i, 1, 1), first + s, LinkKind::uplink, fabric_.uplink,
             chosen_spines_[s].weight);
    }
  }

  void add_core_links(std::size_t pod) {
    if (pod == 0) {
      first_core_ = result_.parts.size();
      for (const Representative& core : chosen_cores_)
        add(PartKind::core, 0, core.number, core.weight);
    }
    if (pod >= first_spine_.size()) return;
    for (std::size_t s = 0; s < chosen_spines_.size(); ++s) {
      for (std::size_t c = 0; c < chosen_cores_.size(); ++c)
        link(first_spine_[pod] + s, first_core_ + c, LinkKind::core_uplink, fabric_.core_uplink,
             chosen_cores_[c].weight);
    }
  }

  void fail(const Cluster& cluster, const std::vector<FailedItem>& items) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      result_.failures.push_back(items[i].text);
      if (!apply(items[i], static_cast<std::int64_t>(i))) result_.unresolved.push_back(i);
    }
    // A node that is out is out with all that it has; the switches of a domain of many nodes stay.
    const Numbers out = nodes_out(cluster);
    const bool spread = system_.gpus_per_nvlink_domain > system_.gpus_per_node;
    for (Part& part : result_.parts) {
      const bool in_node = part.kind == PartKind::gpu || part.kind == PartKind::cpu ||
                           part.kind == PartKind::pcie_switch || part.kind == PartKind::nic ||
                           (part.kind == PartKind::nvswitch && !spread);
      if (in_node && std::binary_search(out.begin(), out.end(), part.owner)) part.failed = true;
    }
    for (PartLink& link : result_.links) {
      if (result_.parts[link.from].failed || result_.parts[link.to].failed)
        link.bandwidth = BytesPerSecond{};
    }
  }

  bool apply(const FailedItem& item, std::int64_t number) {
    if (item.whole_node) return true;
    for (Part& part : result_.parts) {
      if (!item.second && same_part(part, item.first)) part.failed = true;
    }
    bool found = !item.second;
    for (PartLink& link : result_.links) {
      const Part &from = result_.parts[link.from], &to = result_.parts[link.to];
      const bool hit = item.second
                           ? (same_part(from, item.first) && same_part(to, *item.second)) ||
                                 (same_part(to, item.first) && same_part(from, *item.second))
                           : same_part(from, item.first) || same_part(to, item.first);
      if (!hit) continue;
      found = true;
      link.cause = number;
      link.bandwidth = link.bandwidth * std::clamp(item.bandwidth_left, 0.0, 1.0);
    }
    return found;
  }

  const System& system_;
  NodeShape node_;
  FabricShape fabric_;
  bool rails_, whole_;
  std::int64_t nodes_;
  BytesPerSecond nic_, pcie_;
  std::vector<Representative> chosen_nodes_, chosen_domains_, chosen_units_, chosen_pods_;
  std::vector<Representative> chosen_spines_, chosen_cores_;
  ClusterParts result_;
  std::vector<std::size_t> first_leaf_, first_spine_;  // of each chosen unit, each chosen pod
  std::size_t first_core_ = 0;
  std::int64_t nvswitch_domain_ = -1;
  std::size_t first_plane_ = 0;
};

}  // namespace

ClusterParts cluster_parts(const Cluster& cluster, Extent extent) {
  return Builder{cluster, extent}.take();
}

BytesPerSecond leaf_downlinks(const Cluster& cluster) {
  return fabric_shape(cluster).leaf_downlinks;
}

}  // namespace lockstep
