// The JSON of `lockstep topology`: every number of the text, in SI units.
#include <cmath>
#include <nlohmann/json.hpp>

#include "sim/report/link_load_json.hpp"
#include "sim/report/topology_report.hpp"
#include "topology/failures.hpp"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

constexpr int schema_version = 1;

// Null where it is infinite: JSON has no such number.
Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json change_json(const TopologyChange& change) {
  Json degraded = Json::array();
  for (const Degraded& each : change.degraded)
    degraded.push_back({{"link", each.link}, {"bandwidth_left", each.bandwidth_left}});
  Json json{{"failed", change.failed}, {"degraded", degraded}};
  json["oversubscription"] =
      change.oversubscription ? Json(*change.oversubscription) : Json(nullptr);
  json["placement"] = change.placement.empty() ? Json(nullptr) : Json(change.placement);
  return json;
}

Json figures_json(const ClusterFigures& figures, bool plan) {
  Json json{{"gpus", figures.gpus},
            {"nics_up_worst_node", figures.nics_up},
            {"nic_bytes_per_s", figures.routes.nic.value()},
            {"node_network_bytes_per_s", figures.routes.node_network.value()},
            {"gpu_network_bytes_per_s", figures.routes.gpu_network.value()},
            {"network_bottleneck", figures.routes.network_bottleneck},
            {"uplink_share", figures.routes.uplink_share},
            {"core_share", figures.routes.core_share}};
  Json domain = Json::array();
  for (std::size_t i = 0; i < figures.routes.in_domain.size(); ++i) {
    domain.push_back(
        {{"gpus", i + 2}, {"bytes_per_s_per_gpu", number(figures.routes.in_domain[i].value())}});
  }
  json["in_domain"] = domain;
  json["in_domain_bottleneck"] = figures.routes.in_domain_bottleneck;
  json["all_gather_bus_bytes_per_s"] = figures.all_gather.rate().value();
  json["all_gather_bound"] = figures.all_gather_bound;
  json["bisection"] = {{"gpus_in_half", figures.bisection.gpus},
                       {"nodes_in_half", figures.bisection.nodes},
                       {"bytes_per_s", figures.bisection.bandwidth.value()},
                       {"full_bytes_per_s", figures.bisection.full.value()},
                       {"share", figures.bisection.share},
                       {"method", figures.bisection.by_flow ? "maximum_flow" : "counting"}};
  if (!plan) return json;
  json["step_time_s"] = figures.step ? number(figures.step->value()) : Json(nullptr);
  json["no_step_reason"] = figures.no_step;
  json["link_loads"] = link_loads_json(figures.loads);
  return json;
}

Json cluster_json(const TopologyReport& report) {
  const Cluster& cluster = report.request.cluster;
  const System& system = cluster.system;
  const FabricShape& fabric = report.fabric;
  return {{"system", system.name},
          {"summary", summary(cluster)},
          {"nodes", cluster.nodes},
          {"gpus", gpu_count(cluster)},
          {"failed", cluster.failed},
          {"node",
           {{"gpus", report.node.gpus},
            {"gpus_per_nvlink_domain", system.gpus_per_nvlink_domain},
            {"links", to_string(system.intra_node)},
            {"link_bytes_per_s_per_gpu", system.link_bandwidth.value},
            {"nvswitch_planes", report.node.planes},
            {"pcie_switches", report.node.pcie_switches},
            {"pcie_bytes_per_s", system.pcie_bandwidth.value},
            {"sockets", report.node.sockets},
            {"nics", report.node.nics},
            {"nic_bytes_per_s", system.nic_bandwidth.value}}},
          {"fabric",
           {{"type", to_string(cluster.fabric.type)},
            {"oversubscription", cluster.fabric.oversubscription},
            {"core_oversubscription", cluster.fabric.core_oversubscription},
            {"units", fabric.units},
            {"nodes_per_unit", fabric.nodes_per_unit},
            {"leaves", fabric.units * fabric.leaves_per_unit},
            {"pods", fabric.pods},
            {"spines", fabric.spines * fabric.pods},
            {"cores", fabric.cores},
            {"leaf_down_bytes_per_s", fabric.leaf_downlinks.value()},
            {"leaf_up_bytes_per_s", fabric.uplink.value() * static_cast<double>(fabric.spines)},
            {"leaf_to_spine_bytes_per_s", fabric.uplink.value()},
            {"spine_to_core_bytes_per_s", fabric.core_uplink.value()}}}};
}

Json route_json(const RouteReport& route) {
  Json hops = Json::array();
  for (const RouteHop& hop : route.hops) {
    hops.push_back({{"from", hop.from},
                    {"to", hop.to},
                    {"over", to_string(hop.kind)},
                    {"bytes_per_s", hop.bandwidth.value()}});
  }
  Json json{{"from", route.from}, {"to", route.to}};
  json["bytes_per_s"] = number(route.route.bandwidth.value());
  json["path"] = to_string(route.path);
  json["hops"] = hops;
  const Link& narrow = route.route.bottleneck;
  json["bottleneck"] =
      narrow.from.empty()
          ? Json(nullptr)
          : Json{{"from", narrow.from}, {"to", narrow.to}, {"over", to_string(narrow.kind)}};
  return json;
}

}  // namespace

std::string topology_json(const TopologyReport& report) {
  const bool plan = report.request.plan.has_value();
  Json json{{"schema_version", schema_version},
            {"command", "topology"},
            {"title", report.request.title},
            {"plan", plan ? Json(report.request.plan->plan.name) : Json(nullptr)},
            {"cluster", cluster_json(report)}};
  Json distances = Json::array();
  for (const Distance& each : report.distances) {
    distances.push_back({{"relation", each.relation},
                         {"from", each.from},
                         {"to", each.to},
                         {"hops", each.hops},
                         {"path", to_string(each.path)},
                         {"bytes_per_s", number(each.bandwidth.value())}});
  }
  json["distances"] = distances;
  json["figures"] = figures_json(report.figures, plan);
  json["route"] = report.route ? route_json(*report.route) : Json(nullptr);
  json["change"] = report.changed_figures ? change_json(report.request.change) : Json(nullptr);
  json["changed_figures"] =
      report.changed_figures ? figures_json(*report.changed_figures, plan) : Json(nullptr);
  Json what_ifs = Json::array();
  for (const WhatIf& each : report.what_ifs) {
    what_ifs.push_back({{"name", each.name},
                        {"what", each.what},
                        {"change", change_json(each.change)},
                        {"figures", figures_json(each.figures, plan)}});
  }
  json["what_if"] = what_ifs;
  return json.dump(2) + '\n';
}

}  // namespace lockstep
