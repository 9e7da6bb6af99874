// Bytes of every flow on every kind of link, on as many nodes as differ.
//
// The GPUs are cut into stretches that hold whole domains, nodes and leaf units. Seen from a
// stretch, a flow repeats after `period` stretches (see there), so a few of them show every link
// that can be the busiest. Source of the bytes: flow_traffic.hpp. Time on a link: bytes /
// bandwidth, both directions apart. Ignored: protocol overhead, latency, that flows of a step do
// not all run at the same time (the sum is what a link has to carry in a step, not a queue), and
// hash collisions: a leaf's uplinks share their load evenly.
#include "topology/link_load.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "topology/loaded_links.hpp"

namespace lockstep {
namespace {

// More stretches than this are not looked at.
constexpr std::int64_t most_stretches = 256;

UnitSizes unit_sizes(const Cluster& cluster, const FabricShape& fabric) {
  UnitSizes units;
  units.domain = std::max<std::int64_t>(1, cluster.system.gpus_per_nvlink_domain);
  units.node = std::max<std::int64_t>(1, cluster.system.gpus_per_node);
  units.gpus = gpu_count(cluster);
  const std::int64_t whole = std::max<std::int64_t>(1, cluster.nodes) * units.node;
  units.leaf = std::min(whole, fabric.nodes_per_unit * units.node);
  units.pod = std::min(whole, fabric.units_per_pod * units.leaf);
  return units;
}

// GPUs of a stretch: whole domains, nodes and, where there are several, leaf units and pods.
std::int64_t stretch_size(const UnitSizes& units) {
  std::int64_t size = std::lcm(units.domain, units.node);
  if (units.leaf < units.gpus) size = std::lcm(size, units.leaf);
  if (units.pod < units.gpus) size = std::lcm(size, units.pod);
  return size;
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

// The stretches to look at: one period, at the start, at every step of a chain and wherever the
// graph lists a node, since what is broken is listed.
std::vector<std::int64_t> stretches(const std::vector<Flow>& flows, const UnitSizes& units,
                                    const std::vector<std::int64_t>& listed_nodes,
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
  for (const std::int64_t node : listed_nodes) starts.insert(node * units.node / size);
  std::set<std::int64_t> chosen;
  for (const std::int64_t start : starts) {
    for (std::int64_t i = 0; i < repeat && start + i < all; ++i) chosen.insert(start + i);
  }
  complete = repeat < most_stretches || static_cast<std::int64_t>(chosen.size()) == all;
  return {chosen.begin(), chosen.end()};
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
  const UnitSizes units = unit_sizes(cluster, fabric_shape(cluster));
  const std::int64_t size = stretch_size(units);
  LinkLoads result;
  BusiestLinks best;
  Stretch stretch(cluster, graph, units, size, used.size());
  for (const std::int64_t number :
       stretches(used, units, stretch.listed_nodes(), size, result.complete)) {
    stretch.start(number * size);
    const std::int64_t end = std::min(units.gpus, (number + 1) * size);
    for (std::size_t i = 0; i < used.size(); ++i) {
      stretch.flow(i);
      FlowTraffic<Stretch> traffic(used[i], units, stretch);
      for (std::int64_t gpu = number * size; gpu < end; ++gpu) traffic.visit(gpu);
    }
    stretch.compare(best);
  }
  result.cut_off = stretch.cut_off();
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
