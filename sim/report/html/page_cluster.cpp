#include "sim/report/html/page_cluster.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "sim/engine/plan_traffic.hpp"
#include "sim/report/link_load_json.hpp"
#include "sim/report/roofline.hpp"
#include "topology/graph.hpp"
#include "topology/link_load.hpp"

namespace lockstep {

namespace {

using Json = nlohmann::ordered_json;

const char* key_of(PartKind kind) {
  switch (kind) {
    case PartKind::gpu:
      return "gpu";
    case PartKind::nvswitch:
      return "nvswitch";
    case PartKind::pcie_switch:
      return "pcie_switch";
    case PartKind::cpu:
      return "cpu";
    case PartKind::nic:
      return "nic";
    case PartKind::leaf:
      return "leaf";
    case PartKind::spine:
      return "spine";
    case PartKind::core:
      break;
  }
  return "core";
}

Json parts_json(const ClusterGraph& graph) {
  Json parts = Json::array();
  for (const Part& part : graph.parts()) {
    parts.push_back({{"name", name(part)},
                     {"kind", key_of(part.kind)},
                     {"owner", part.owner},
                     {"stands_for", part.multiplicity},
                     {"failed", part.failed}});
  }
  return parts;
}

Json links_json(const ClusterGraph& graph) {
  Json links = Json::array();
  for (const PartLink& link : graph.part_links()) {
    const std::string cause = graph.cause(link);
    links.push_back({{"from", link.from},
                     {"to", link.to},
                     {"kind", to_string(link.kind)},
                     {"class", key_of(class_of(link.kind))},
                     {"bandwidth_bytes_per_s", link.bandwidth.value()},
                     {"parallel", link.parallel},
                     {"stands_for", link.multiplicity},
                     {"cause", cause.empty() ? Json(nullptr) : Json(cause)}});
  }
  return links;
}

Json kinds_json(const ClusterGraph& graph) {
  Json kinds = Json::array();
  for (const PartKind kind : {PartKind::gpu, PartKind::nvswitch, PartKind::pcie_switch,
                              PartKind::cpu, PartKind::nic, PartKind::leaf, PartKind::spine,
                              PartKind::core}) {
    const std::int64_t count = graph.count(kind);
    if (count > 0) kinds.push_back({{"kind", key_of(kind)}, {"count", count}});
  }
  return kinds;
}

}  // namespace

Json page_cluster(const PlanReport& plan) {
  if (!plan.legal || !std::isfinite(plan.step.total.value())) return nullptr;
  const ClusterGraph graph(plan.cluster);
  const LinkLoads loads = link_loads(plan.cluster, graph, plan_flows(plan.plan, plan.workload));
  Json json{{"kinds", kinds_json(graph)},
            {"parts", parts_json(graph)},
            {"links", links_json(graph)},
            {"loads", link_loads_json(loads)}};
  for (std::size_t i = 0; i < loads.classes.size(); ++i) {
    const LinkLoad& load = loads.classes[i];
    const double share = load.busy / plan.step.total;
    json["loads"]["classes"][i]["name"] = to_string(load.link_class);
    json["loads"]["classes"][i]["share_of_step"] = std::isfinite(share) ? Json(share) : Json(nullptr);
  }
  return json;
}

Json page_roofs(const PlanReport& plan) {
  if (plan.step.partition.empty()) return nullptr;
  const Gpu& gpu = plan.cluster.system.gpu;
  const std::vector<OpUse> uses = op_uses(plan);
  std::vector<double> peaks;
  Json ops = Json::array();
  for (const OpUse& op : uses) {
    if (op.peak_flops_per_s > 0) peaks.push_back(op.peak_flops_per_s);
    const bool computes = op.flops > 0 && op.seconds > 0;
    ops.push_back({{"flops_per_s", computes ? Json(op.flops / op.seconds) : Json(nullptr)},
                   {"bytes_per_s", op.seconds > 0 ? Json(op.bytes / op.seconds) : Json(nullptr)}});
  }
  std::sort(peaks.rbegin(), peaks.rend());
  peaks.erase(std::unique(peaks.begin(), peaks.end()), peaks.end());
  Json roofs = Json::array();
  for (const double peak : peaks) {
    roofs.push_back({{"flops_per_s", peak}, {"ridge_flops_per_byte", ridge(gpu, peak)}});
  }
  return {{"hbm_bytes_per_s", (*gpu.memory_bandwidth).value()},
          {"roofs", std::move(roofs)},
          {"ops", std::move(ops)}};
}

}  // namespace lockstep
