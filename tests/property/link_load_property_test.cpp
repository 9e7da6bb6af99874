// Do the loads that a few nodes show agree with those of every rank, every ring and every edge of a
// whole small cluster? Are no bytes lost?
#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"
#include "topology/flow_traffic.hpp"
#include "topology/link_load.hpp"

using namespace lockstep;
using lockstep::testing::round_cluster;

namespace {

std::int64_t pick(std::mt19937& random, std::vector<std::int64_t> from) {
  return from[random() % from.size()];
}

// Seconds on every link of the whole cluster, by listing.
class Everything {
 public:
  explicit Everything(const Cluster& cluster) : cluster_(cluster), system_(cluster.system) {}

  void add(const Flow& flow) {
    const std::int64_t block = flow.degree * flow.stride;
    for (std::int64_t start = 0; start + block <= cluster_.gpus; start += block) {
      for (std::int64_t offset = 0; offset < flow.stride; ++offset) {
        std::vector<std::int64_t> group;
        for (std::int64_t i = 0; i < flow.degree; ++i) {
          if (!flow.ends_only || i == 0 || i + 1 == flow.degree)
            group.push_back(start + offset + i * flow.stride);
        }
        add_group(flow, group);
      }
    }
  }

  [[nodiscard]] double busiest(LinkClass link_class) const {
    double most = 0.0;
    const auto found = busy_.find(link_class);
    if (found == busy_.end()) return most;
    for (const auto& [name, seconds] : found->second) most = std::max(most, seconds);
    return most;
  }

 private:
  [[nodiscard]] std::int64_t domain(std::int64_t gpu) const {
    return gpu / system_.gpus_per_nvlink_domain;
  }
  [[nodiscard]] std::int64_t node(std::int64_t gpu) const { return gpu / system_.gpus_per_node; }
  [[nodiscard]] std::int64_t local(std::int64_t gpu) const { return gpu % system_.gpus_per_node; }
  [[nodiscard]] std::int64_t pcie(std::int64_t gpu) const { return local(gpu) / 2; }
  [[nodiscard]] std::int64_t socket(std::int64_t gpu) const {
    return system_.gpus_per_node < 4 ? 0 : pcie(gpu) * 4 / system_.gpus_per_node;
  }

  void load(LinkClass link_class, const std::string& name, double bytes, double bandwidth) {
    busy_[link_class][name] += bytes / bandwidth;
  }

  void add_group(const Flow& flow, const std::vector<std::int64_t>& group) {
    const std::size_t n = group.size();
    if (n < 2) return;
    const double bytes = flow.bytes.value();
    if (flow.collective == Collective::send_recv) {
      for (std::size_t i = 0; i + 1 < n; ++i) both_ways(group[i], group[i + 1], flow.calls * bytes);
      both_ways(group[n - 1], group[0], flow.wrap_calls * bytes);
    } else if (flow.collective == Collective::all_to_all) {
      for (const std::int64_t from : group) {
        for (const std::int64_t to : group) {
          if (from != to) move(from, to, flow.calls * bytes / static_cast<double>(n), n);
        }
      }
    } else {
      add_rings(flow, group);
    }
  }
  void both_ways(std::int64_t a, std::int64_t b, double bytes) {
    move(a, b, bytes, 2);
    move(b, a, bytes, 2);
  }

  // As many rings as every domain's members divide; ring c leaves a domain by its member c mod r.
  void add_rings(const Flow& flow, const std::vector<std::int64_t>& group) {
    std::vector<std::vector<std::int64_t>> domains;
    for (const std::int64_t gpu : group) {
      if (domains.empty() || domain(domains.back().back()) != domain(gpu)) domains.push_back({});
      domains.back().push_back(gpu);
    }
    std::size_t rings = 1;
    for (const auto& members : domains) rings = std::lcm(rings, members.size());
    const double edge = flow.calls * flow.bytes.value() *
                        bus_factor(flow.collective, static_cast<std::int64_t>(group.size())) /
                        static_cast<double>(rings);
    for (std::size_t c = 0; c < rings; ++c) {
      std::vector<std::int64_t> ring;
      for (const auto& members : domains) {
        for (std::size_t i = 1; i <= members.size(); ++i)
          ring.push_back(members[(c + i) % members.size()]);
      }
      for (std::size_t i = 0; i < ring.size(); ++i)
        move(ring[i], ring[(i + 1) % ring.size()], edge, group.size());
    }
  }

  void move(std::int64_t from, std::int64_t to, double bytes, std::size_t /*ranks*/) {
    if (bytes <= 0.0) return;
    if (domain(from) == domain(to) && system_.intra_node == IntraNode::nvswitch) {
      const double rate = (*system_.link_bandwidth).value();
      load(LinkClass::nvlink, std::to_string(from) + ">", bytes, rate);
      load(LinkClass::nvlink, ">" + std::to_string(to), bytes, rate);
      load(LinkClass::nvswitch, std::to_string(domain(from)), bytes,
           rate * static_cast<double>(system_.gpus_per_nvlink_domain));
    } else if (node(from) == node(to)) {
      over_host(from, to, bytes);
    } else {
      over_network(from, to, bytes);
    }
  }

  void over_host(std::int64_t from, std::int64_t to, double bytes) {
    const double rate = (*system_.pcie_bandwidth).value();
    const std::string at = std::to_string(node(from)) + ":";
    load(LinkClass::pcie, at + "gpu>" + std::to_string(from), bytes, rate);
    load(LinkClass::pcie, at + ">gpu" + std::to_string(to), bytes, rate);
    if (pcie(from) == pcie(to)) return;
    load(LinkClass::pcie, at + "up" + std::to_string(pcie(from)), bytes, rate);
    load(LinkClass::pcie, at + "down" + std::to_string(pcie(to)), bytes, rate);
    if (socket(from) == socket(to)) return;
    load(LinkClass::socket, at + std::to_string(socket(from)), bytes,
         rate * static_cast<double>(system_.gpus_per_node));
  }

  void over_network(std::int64_t from, std::int64_t to, double bytes) {
    const std::int64_t leaf = cluster_.fabric.nodes_per_leaf;
    const bool climbs =
        cluster_.fabric.type != FabricType::single_switch && node(from) / leaf != node(to) / leaf;
    one_side(from, bytes, climbs, "out");
    one_side(to, bytes, climbs, "in");
    const std::int64_t pod = cluster_.fabric.nodes_per_pod;
    if (!climbs || pod == 0 || node(from) / pod == node(to) / pod) return;
    // All spines of a pod together: its leaves' uplinks over the oversubscription of the spines.
    const std::int64_t leaves =
        pod / leaf *
        (cluster_.fabric.type == FabricType::rail_optimized ? system_.nics_per_node : 1);
    const double up = leaf_downlinks(cluster_).value() / cluster_.fabric.oversubscription *
                      static_cast<double>(leaves) / cluster_.fabric.core_oversubscription;
    load(LinkClass::core_uplink, "out" + std::to_string(node(from) / pod), bytes, up);
    load(LinkClass::core_uplink, "in" + std::to_string(node(to) / pod), bytes, up);
  }
  void one_side(std::int64_t gpu, double bytes, bool climbs, const std::string& way) {
    const std::int64_t nics = system_.nics_per_node, gpus = system_.gpus_per_node;
    const std::int64_t first = local(gpu) * nics / gpus;
    const std::int64_t end = std::max(first + 1, (local(gpu) + 1) * nics / gpus);
    const double share = bytes / static_cast<double>(end - first);
    for (std::int64_t nic = first; nic < end; ++nic) {
      const std::string at = way + std::to_string(node(gpu)) + "." + std::to_string(nic);
      load(LinkClass::nic, at, share, (*system_.nic_bandwidth).value());
      if (!climbs) continue;
      const bool rails = cluster_.fabric.type == FabricType::rail_optimized;
      const std::int64_t unit = node(gpu) / cluster_.fabric.nodes_per_leaf;
      load(LinkClass::leaf_uplink,
           way + std::to_string(unit) + "." + std::to_string(rails ? nic : 0), share,
           leaf_downlinks(cluster_).value() / cluster_.fabric.oversubscription);
    }
  }

  const Cluster& cluster_;
  const System& system_;
  std::map<LinkClass, std::map<std::string, double>> busy_;
};

Cluster random_cluster(std::mt19937& random) {
  Cluster cluster = round_cluster(pick(random, {1, 2, 3, 4, 6, 8}));
  System& system = cluster.system;
  system.gpus_per_node = pick(random, {2, 4, 8});
  system.intra_node = random() % 4 == 0 ? IntraNode::pcie : IntraNode::nvswitch;
  const std::int64_t node = system.gpus_per_node;
  system.gpus_per_nvlink_domain =
      system.intra_node == IntraNode::pcie ? node : pick(random, {node / 2, node, node, 2 * node});
  system.nics_per_node = pick(random, {1, node / 2, node, 2 * node});
  // Wide enough slots that the NICs never narrow them.
  system.pcie_bandwidth = Constant(BytesPerSecond{80e9});
  if (system.intra_node == IntraNode::pcie) system.link_bandwidth = system.pcie_bandwidth;
  if (system.gpus_per_nvlink_domain > node) cluster.nodes += cluster.nodes % 2;
  cluster.gpus = cluster.nodes * node;
  cluster.fabric.type = static_cast<FabricType>(random() % 3);
  cluster.fabric.nodes_per_leaf = pick(random, {1, 2, 3, 4});
  cluster.fabric.oversubscription = static_cast<double>(pick(random, {1, 2, 4}));
  if (random() % 3 == 0 && cluster.fabric.type != FabricType::single_switch) {
    cluster.fabric.nodes_per_pod = cluster.fabric.nodes_per_leaf * pick(random, {1, 2});
    cluster.fabric.core_oversubscription = static_cast<double>(pick(random, {1, 2}));
  }
  return cluster;
}

std::vector<Flow> random_flows(std::mt19937& random, std::int64_t gpus) {
  std::vector<Flow> flows;
  const std::size_t count = 1 + random() % 3;
  while (flows.size() < count) {
    Flow flow;
    flow.name = "flow " + std::to_string(flows.size());
    flow.collective = all_collectives[random() % all_collectives.size()];
    flow.degree = 2 + static_cast<std::int64_t>(random() % 9);
    flow.stride = 1 + static_cast<std::int64_t>(random() % 9);
    if (random() % 2 == 0) {
      flow.degree = pick(random, {2, 4, 8, 16});
      flow.stride = pick(random, {1, 2, 4, 8, 16});
    }
    if (gpus < 4) flow.degree = 2, flow.stride = 1;
    flow.ends_only = random() % 5 == 0;
    flow.bytes = Bytes{static_cast<double>(1 + random() % 16) * 1e9};
    flow.calls = static_cast<double>(1 + random() % 3);
    flow.wrap_calls = static_cast<double>(random() % 2);
    if (flow.degree * flow.stride <= gpus) flows.push_back(flow);
  }
  return flows;
}

// Sums what every GPU tells of itself.
struct Sums {
  double inside = 0, host = 0, sent = 0, received = 0;
  void reset() { *this = {}; }
};
struct SumSink {
  Sums& sums;
  void inside(std::int64_t, std::int64_t, double bytes, std::int64_t) { sums.inside += bytes; }
  void host(std::int64_t, std::int64_t, double bytes) { sums.host += bytes; }
  void out(std::int64_t, double bytes, int climb) { sums.sent += bytes * (1 + climb); }
  void in(std::int64_t, double bytes, int climb) { sums.received += bytes * (1 + climb); }
};

}  // namespace

TEST_CASE("link loads are those of every ring edge on every link", "[property][link_load]") {
  std::mt19937 random(20240229);
  constexpr LinkClass classes[] = {
      LinkClass::nvlink, LinkClass::nvswitch,    LinkClass::pcie,       LinkClass::socket,
      LinkClass::nic,    LinkClass::leaf_uplink, LinkClass::core_uplink};
  for (int turn = 0; turn < 400; ++turn) {
    const Cluster cluster = random_cluster(random);
    const std::vector<Flow> flows = random_flows(random, cluster.gpus);
    const LinkLoads loads = link_loads(cluster, flows);
    REQUIRE(loads.complete);
    Everything everything(cluster);
    for (const Flow& flow : flows) everything.add(flow);
    for (const LinkClass link_class : classes) {
      // Slots of NICs and of GPUs are in one class: what the listing leaves out of PCIe is what
      // goes through the NICs.
      if (link_class == LinkClass::pcie && everything.busiest(LinkClass::nic) > 0) continue;
      if (link_class == LinkClass::socket && everything.busiest(LinkClass::nic) > 0) continue;
      double busy = 0.0;
      for (const LinkLoad& load : loads.classes) {
        if (load.link_class == link_class) busy = load.busy.value();
      }
      INFO("turn " << turn << ", " << to_string(link_class) << ", " << cluster.nodes << " nodes of "
                   << cluster.system.gpus_per_node << ", domains of "
                   << cluster.system.gpus_per_nvlink_domain << ", " << cluster.system.nics_per_node
                   << " NICs, leaves of " << cluster.fabric.nodes_per_leaf << ", first flow "
                   << to_string(flows[0].collective) << " " << flows[0].degree << " x "
                   << flows[0].stride << (flows[0].ends_only ? " ends" : ""));
      CHECK(busy == Approx(everything.busiest(link_class)));
    }
  }
}

TEST_CASE("what is sent through NICs is received, and no byte of a ring is lost",
          "[property][link_load]") {
  std::mt19937 random(7);
  for (int turn = 0; turn < 400; ++turn) {
    UnitSizes units;
    units.node = pick(random, {2, 4, 8});
    units.domain = pick(random, {units.node / 2, units.node, 2 * units.node});
    units.gpus = units.node * pick(random, {2, 4, 8});
    units.leaf = units.node * pick(random, {1, 2, 3});
    units.pod = units.leaf * 2;
    for (const Flow& flow : random_flows(random, units.gpus)) {
      Sums sums;
      SumSink sink{sums};
      FlowTraffic<SumSink> traffic(flow, units, sink);
      for (std::int64_t gpu = 0; gpu < units.gpus; ++gpu) traffic.visit(gpu);
      CHECK(sums.sent == Approx(sums.received));
      if (flow.collective == Collective::send_recv || flow.collective == Collective::all_to_all)
        continue;
      // Flat fabric: n edges of bus_factor * bytes for each group.
      units.leaf = units.pod = 2 * units.gpus;
      sums.reset();
      FlowTraffic<SumSink> flat(flow, units, sink);
      for (std::int64_t gpu = 0; gpu < units.gpus; ++gpu) flat.visit(gpu);
      const std::int64_t members = flow.ends_only ? 2 : flow.degree;
      const double groups =
          static_cast<double>(units.gpus / (flow.degree * flow.stride) * flow.stride);
      const double edges = groups * static_cast<double>(members);
      CHECK(sums.inside + sums.host + sums.sent ==
            Approx(edges * flow.calls * bus_factor(flow.collective, members) * flow.bytes.value()));
    }
  }
}
