#include "sim/report/topology_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/engine/plan_traffic.hpp"
#include "topology/failures.hpp"
#include "topology/node_paths.hpp"
#include "topology/stand_ins.hpp"

namespace lockstep {
namespace {

// Large enough that latency does not matter: what each GPU brings to the all-gather.
constexpr double gathered_per_gpu = 256.0 * 0x1p20;

// The largest cluster whose every node is listed to find a route.
constexpr std::int64_t nodes_of_whole_routes = 512;

void add_all_gather(ClusterFigures& figures, const Cluster& cluster) {
  const auto gpus = static_cast<double>(figures.gpus);
  const CollectiveCost cost =
      collective_cost(cluster, figures.routes, group_shape(cluster, figures.gpus, 1),
                      Collective::all_gather, Bytes{gathered_per_gpu * gpus});
  if (cost.time.value() > 0)
    figures.all_gather = BusBandwidth{Bytes{gathered_per_gpu * (gpus - 1)} / cost.time};
  figures.all_gather_bound = cost.bottleneck;
}

// The plan on what is left of the cluster: with fewer GPUs, fewer copies of the data.
void add_plan(ClusterFigures& figures, const Cluster& cluster, const TopologyPlan& given) {
  Plan plan = given.plan;
  if (plan.tensor * plan.data * plan.pipeline.stages != figures.gpus) {
    plan.data = 0;
    plan.data = resolve_data_degree(plan, figures.gpus);
  }
  const std::vector<Violation> broken = violations(given.model, given.training, plan, figures.gpus);
  if (!broken.empty()) {
    figures.no_step = fmt::format("not run on {} GPUs", figures.gpus);
    return;
  }
  const PlanReport predicted = predict(given.model, given.training, cluster, plan);
  figures.step = predicted.step.total;
  figures.loads = link_loads(cluster, plan_flows(plan, predicted.workload));
}

std::int64_t fewest_nics(const Cluster& cluster, const ClusterGraph& graph) {
  std::int64_t fewest = cluster.system.nics_per_node;
  const std::vector<std::int64_t> out = nodes_out(cluster);
  for (const std::int64_t node : StandIns(cluster, graph).listed_nodes()) {
    if (std::binary_search(out.begin(), out.end(), node)) continue;
    const auto up = node_paths(graph, node, cluster.system.peer_to_peer).wires.size();
    fewest = std::min(fewest, static_cast<std::int64_t>(up));
  }
  return fewest;
}

ClusterFigures figures_of(const Cluster& cluster, const std::optional<TopologyPlan>& plan) {
  ClusterFigures figures;
  const ClusterGraph graph(cluster);
  figures.gpus = gpu_count(cluster);
  figures.routes = routes(cluster, graph);
  figures.nics_up = fewest_nics(cluster, graph);
  add_all_gather(figures, cluster);
  figures.bisection = bisection(cluster);
  if (plan) add_plan(figures, cluster, *plan);
  return figures;
}

// Half of what every NVLink of one GPU carries.
TopologyChange narrowed_nvlinks(const Cluster& cluster) {
  TopologyChange change;
  for (const Link& link : ClusterGraph(cluster).links()) {
    if (link.kind != LinkKind::nvlink) continue;
    if (link.from != "node0.gpu0" && link.to != "node0.gpu0") continue;
    change.degraded.push_back({link.from + "-" + link.to, 0.5});
  }
  return change;
}

// The plan with its tensor ranks as far apart as they can be: the outermost dimension.
std::string spread_tensor_ranks(const Plan& plan) {
  const bool apart = plan.tensor > 1 && plan.data * plan.pipeline.stages > 1;
  return apart && plan.placement != "dp-pp-tp" ? "dp-pp-tp" : "";
}

std::vector<WhatIf> what_ifs(const Cluster& cluster, const std::optional<TopologyPlan>& plan,
                             const NodeShape& node, const FabricShape& fabric) {
  std::vector<WhatIf> all;
  const auto add = [&](std::string name, std::string what, TopologyChange change) {
    all.push_back({std::move(name), std::move(what), std::move(change), {}});
  };
  const auto failed = [&](std::string name, const std::string& part) {
    TopologyChange change;
    change.failed.push_back(part);
    add(std::move(name), part, std::move(change));
  };
  if (node.nics > 1) failed("a dead NIC", "node0.nic0");
  if (fabric.leaves_per_unit > 1) failed("a dead leaf", "unit0.leaf0");
  if (fabric.spines > 1 && fabric.units > 1)
    failed("a dead spine", fabric.has_cores() ? "pod0.spine0" : "spine0");
  if (node.planes > 1) failed("a dead NVSwitch", "node0.nvswitch0");
  TopologyChange nvlinks = narrowed_nvlinks(cluster);
  if (!nvlinks.degraded.empty()) add("NVLinks at half", "node0.gpu0", std::move(nvlinks));
  if (cluster.nodes > 2) failed("a dead node", "node0");
  for (const double ratio : {2.0, 4.0}) {
    if (fabric.units < 2 || ratio <= cluster.fabric.oversubscription) continue;
    TopologyChange change;
    change.oversubscription = ratio;
    add(fmt::format("{:g}:1 oversubscribed", ratio), "leaf uplinks", std::move(change));
  }
  const std::string spread = plan ? spread_tensor_ranks(plan->plan) : "";
  if (!spread.empty()) {
    TopologyChange change;
    change.placement = spread;
    add("tensor ranks apart", "placement " + spread, std::move(change));
  }
  return all;
}

RouteReport route_of(const Cluster& cluster, const std::string& from, const std::string& to) {
  const bool whole = cluster.nodes <= nodes_of_whole_routes;
  const ClusterGraph graph(cluster, whole ? Extent::whole : Extent::folded);
  RouteReport report;
  report.from = from;
  report.to = to;
  report.route = graph.widest_route(from, to);
  report.path = graph.path_kind(from, to);
  const std::vector<std::string>& parts = report.route.parts;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const std::size_t a = *graph.find(parts[i]), b = *graph.find(parts[i + 1]);
    RouteHop hop{parts[i], parts[i + 1], LinkKind::nvlink, {}};
    for (const PartLink& link : graph.part_links()) {
      if (!((link.from == a && link.to == b) || (link.from == b && link.to == a))) continue;
      hop.kind = link.kind;
      hop.bandwidth = link.bandwidth;
      if (graph.parts()[link.to].kind == PartKind::nvswitch)
        hop.bandwidth = graph.incident(link.from, LinkKind::nvlink);
    }
    report.hops.push_back(std::move(hop));
  }
  return report;
}

}  // namespace

Cluster with_change(const Cluster& cluster, const TopologyChange& change) {
  Cluster changed = cluster;
  changed.failed.insert(changed.failed.end(), change.failed.begin(), change.failed.end());
  changed.degraded.insert(changed.degraded.end(), change.degraded.begin(), change.degraded.end());
  if (change.oversubscription) changed.fabric.oversubscription = *change.oversubscription;
  // A cluster that is used as a whole is used as far as it is up.
  if (nodes_out(changed).size() > nodes_out(cluster).size()) {
    const std::int64_t all =
        cluster.nodes * cluster.system.gpus_per_node -
        static_cast<std::int64_t>(nodes_out(cluster).size()) * cluster.system.gpus_per_node;
    if (cluster.gpus >= all) changed.gpus = 0;
  }
  return changed;
}

std::vector<std::string> part_names(const Cluster& cluster) {
  std::vector<std::string> names;
  for (const Part& part : cluster_parts(cluster).parts) names.push_back(name(part));
  return names;
}

TopologyReport topology_report(const TopologyRequest& request) {
  TopologyReport report;
  report.request = request;
  report.changed = with_change(request.cluster, request.change);
  report.node = node_shape(request.cluster.system);
  report.fabric = fabric_shape(request.cluster);
  const ClusterGraph graph(request.cluster);
  report.parts_listed = static_cast<std::int64_t>(graph.parts().size());
  report.distances = graph.distances();
  report.figures = figures_of(request.cluster, request.plan);
  if (request.change.any()) {
    report.changed_figures = figures_of(report.changed, request.plan);
  } else if (request.cluster.nodes > 1 && request.from.empty()) {
    report.what_ifs = what_ifs(request.cluster, request.plan, report.node, report.fabric);
    for (WhatIf& each : report.what_ifs) {
      std::optional<TopologyPlan> plan = request.plan;
      if (plan && !each.change.placement.empty()) plan->plan.placement = each.change.placement;
      each.figures = figures_of(with_change(request.cluster, each.change), plan);
    }
  }
  if (!request.from.empty()) report.route = route_of(report.changed, request.from, request.to);
  return report;
}

}  // namespace lockstep
